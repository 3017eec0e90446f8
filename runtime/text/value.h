//===- value.h - Values of messages and chat templates ----------*- C++ -*-===//
//
// What JSON can say and a chat template can compute. A value is a kind and a
// number or a counted reference: cheap to copy. Containers are immutable once
// they are shared; only a template's namespaces change. The counts are not
// atomic: values that share parts belong to one thread at a time.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_RUNTIME_TEXT_VALUE_H
#define GEMCUT_RUNTIME_TEXT_VALUE_H

#include "runtime/text/marked_text.h"

#include <cstdint>
#include <utility>

namespace gemcut::text {

/// Containers nest at most this deep, so that walking them needs bounded stack.
inline constexpr uint32_t kMaxValueDepth = 128;

class Value {
public:
  enum class Kind : uint8_t {
    Undefined, // number: of the name that was not found, 0 for none
    None,
    Boolean,
    Integer,
    Real,
    Macro,  // number: of the macro
    Method, // of an object, not called
    // From here on with a reference.
    BigInteger, // beyond 64 bits: its digits
    String,
    List,
    Map, // keys in the order of the text
    Namespace,
    Loop,
  };

  /// Base of everything that values refer to.
  struct Object {
    virtual ~Object() = default;
    uint32_t references = 0;
    uint32_t depth = 0; // containers inside this one
  };
  struct StringObject : Object {
    MarkedText text;
  };
  struct ListObject : Object {
    std::vector<Value> items;
    bool isTuple = false;
  };
  struct Entry;
  struct MapObject : Object {
    std::vector<Entry> entries;
  };

  Value() = default;
  Value(const Value &other) : kind_(other.kind_), payload(other.payload) {
    if (isReference())
      ++payload.object->references;
  }
  Value(Value &&other) noexcept : kind_(other.kind_), payload(other.payload) {
    other.kind_ = Kind::Undefined;
    other.payload.integer = 0;
  }
  Value &operator=(Value other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(payload, other.payload);
    return *this;
  }
  ~Value() {
    if (isReference() && --payload.object->references == 0)
      delete payload.object;
  }

  static Value none() { return Value(Kind::None, 0); }
  static Value boolean(bool value) { return Value(Kind::Boolean, value); }
  static Value integer(int64_t value) { return Value(Kind::Integer, value); }
  static Value real(double value);
  /// Of a kind without a reference.
  static Value simple(Kind kind, int64_t number) { return Value(kind, number); }
  static Value string(MarkedText text, Kind kind = Kind::String);
  /// Text of a caller's own, in which control tokens are recognised.
  static Value trusted(std::string_view text) {
    return string(MarkedText::trusted(text));
  }
  /// Text that somebody else wrote.
  static Value untrusted(std::string_view text) {
    return string(MarkedText::untrustedAll(text));
  }
  static Value list(std::vector<Value> items, bool isTuple = false);
  /// Of equal keys the last one's value counts, in the place of the first.
  static Value map(std::vector<Entry> entries);
  static Value object(Kind kind, Object *object);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool isUndefined() const { return is(Kind::Undefined); }
  bool isNone() const { return is(Kind::None); }
  bool isString() const { return is(Kind::String); }
  bool isList() const { return is(Kind::List); }
  bool isMap() const { return is(Kind::Map); }
  /// As in Python, a boolean is an integer.
  bool isInteger() const { return is(Kind::Integer) || is(Kind::Boolean); }
  bool isNumber() const {
    return isInteger() || is(Kind::Real) || is(Kind::BigInteger);
  }

  int64_t integerValue() const { return payload.integer; }
  /// Of any number.
  double realValue() const;
  /// Of a String or BigInteger.
  const MarkedText &text() const {
    return static_cast<StringObject *>(payload.object)->text;
  }
  std::string_view bytes() const { return text().bytes; }
  const std::vector<Value> &items() const {
    return static_cast<ListObject *>(payload.object)->items;
  }
  bool isTuple() const {
    return isList() && static_cast<ListObject *>(payload.object)->isTuple;
  }
  const std::vector<Entry> &entries() const {
    return static_cast<MapObject *>(payload.object)->entries;
  }
  /// The value of a key of a Map, or null: of other kinds too.
  const Value *find(std::string_view key) const;
  template <typename T> T *objectAs() const {
    return static_cast<T *>(payload.object);
  }
  /// Containers inside this value, itself included; 0 for other kinds.
  uint32_t depth() const { return isReference() ? payload.object->depth : 0; }

private:
  Value(Kind kind, int64_t number) : kind_(kind) { payload.integer = number; }
  bool isReference() const { return kind_ >= Kind::BigInteger; }

  Kind kind_ = Kind::Undefined;
  union Payload {
    int64_t integer;
    double real;
    Object *object;
  } payload = {0};
};

struct Value::Entry {
  MarkedText key;
  Value value;
};

/// Python's bool(): empty strings and containers, zero, false, None and
/// undefined values are false.
bool isTrue(const Value &value);

/// Python's ==. Numbers compare by value, whatever their kind.
bool isEqual(const Value &left, const Value &right);

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_VALUE_H
