//===- chat_builtins.h - What chat templates can compute --------*- C++ -*-===//
//
// Operators, filters, tests, methods and functions of Jinja and of Python's
// types, as far as chat templates use them. They are what jinja2 3.1 in its
// immutable sandbox does; where a value is of the wrong type, they fail with a
// sentence.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_RUNTIME_TEXT_CHAT_BUILTINS_H
#define GEMCUT_RUNTIME_TEXT_CHAT_BUILTINS_H

#include "runtime/abi/chat_program.h"
#include "runtime/text/value.h"

namespace gemcut::text {

/// One run of a template: its error, and what it may still spend.
class Evaluation {
public:
  /// Bytes and list entries that one rendering may write, in all.
  static constexpr uint64_t kMaxWork = uint64_t(1) << 28;

  int64_t now = -1; // see ChatOptions
  std::string error;
  bool failed = false;
  const MarkedText empty;
  /// All namespaces made so far: emptied at the end, since they can hold each
  /// other.
  std::vector<Value> namespaces;

  /// Keeps the first sentence; returns an undefined value.
  Value fail(std::string sentence) {
    if (!failed)
      error = std::move(sentence);
    failed = true;
    return Value();
  }
  /// Counts `amount`; false, with an error, once too much was written.
  bool spend(uint64_t amount) {
    work += amount;
    if (work > kMaxWork)
      (void)fail("the template writes more than 256 MiB");
    return !failed;
  }
  /// The same for entries of lists.
  bool spendItems(uint64_t count) { return spend(count * 8); }
  /// The name that an undefined value was looked up by.
  virtual std::string_view nameOf(const Value &undefined) const { return {}; }
  /// "'tools' is undefined".
  Value failUndefined(const Value &undefined);

protected:
  ~Evaluation();

private:
  uint64_t work = 0;
};

/// namespace(): the only value that a template changes.
struct NamespaceObject : Value::Object {
  std::vector<Value::Entry> entries;
  const Value *find(std::string_view key) const;
  void set(std::string_view key, Value value);
};

/// The variable `loop`.
struct LoopObject : Value::Object {
  Value items; // a List
  size_t next = 0;
  std::vector<Value> kept; // of COLLECT
};

/// Arguments in the order of the parameters; missing ones are MISSING.
struct Arguments {
  const Value *values;
  size_t count;

  static bool isMissing(const Value &value) {
    return value.isUndefined() && value.integerValue() < 0;
  }
  /// The argument, or null if it was not given.
  const Value *find(size_t index) const {
    return index < count && !isMissing(values[index]) ? &values[index]
                                                      : nullptr;
  }
  bool isTrueAt(size_t index) const {
    const Value *value = find(index);
    return value && isTrue(*value);
  }
};

/// 'str', 'int', 'dict' and so on.
const char *typeName(const Value &value);

Value applyUnary(Evaluation &run, unsigned op, const Value &value);
Value applyBinary(Evaluation &run, unsigned op, const Value &left,
                  const Value &right);
/// Below 0, 0, above 0 as left < right; fails if there is no order.
int compare(Evaluation &run, const Value &left, const Value &right,
            const char *op);
bool contains(Evaluation &run, const Value &container, const Value &item);

/// object.name and object['name']: items of maps win in the second, methods in
/// the first. `id` is kept in the undefined value that a missing one gives.
Value getAttribute(Evaluation &run, const Value &object, std::string_view name,
                   int64_t id);
Value getItem(Evaluation &run, const Value &object, const Value &key);
Value getSlice(Evaluation &run, const Value &object, const Value *begin,
               const Value *end, const Value *step);
/// What iterating over a value gives: entries, keys or characters.
bool iterate(Evaluation &run, const Value &value, Value &list);

Value applyFilter(Evaluation &run, unsigned filter, const Value &value,
                  Arguments arguments);
bool applyTest(Evaluation &run, unsigned test, const Value &value,
               Arguments arguments);
Value callMethod(Evaluation &run, unsigned method, const Value &object,
                 Arguments arguments);
Value callFunction(Evaluation &run, unsigned function, Arguments arguments);

/// Filters of whole sequences, apart in chat_sequences.cpp.
Value applySequenceFilter(Evaluation &run, unsigned filter, const Value &value,
                          Arguments arguments);
/// object.a.b of "a.b"; digits are indices.
Value getPath(Evaluation &run, const Value &object, const Value &path);
/// An integer argument, or `otherwise` where it is missing or none.
int64_t toInteger(Evaluation &run, const Value *value, int64_t otherwise);
/// A string's text; fails for other kinds.
const MarkedText &toString(Evaluation &run, const Value &value,
                           const char *what);

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_CHAT_BUILTINS_H
