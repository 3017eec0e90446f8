//===- chat_sequences.cpp - Filters of sequences --------------------------===//

#include "runtime/text/chat_builtins.h"
#include "runtime/text/python_text.h"

#include <algorithm>

using namespace gemcut::text;

namespace {

/// Something to be sorted, by a key.
struct Keyed {
  Value key, value;
};

/// Merge sort: stable, and safe where the order is not one.
class Sorter {
public:
  Sorter(Evaluation &run, bool isReverse) : run(run), isReverse(isReverse) {}

  void sort(std::vector<Keyed> &entries) {
    std::vector<Keyed> other(entries.size());
    for (size_t width = 1; width < entries.size(); width *= 2) {
      for (size_t begin = 0; begin < entries.size(); begin += 2 * width)
        merge(entries, other, begin, std::min(begin + width, entries.size()),
              std::min(begin + 2 * width, entries.size()));
      std::swap(entries, other);
    }
  }

private:
  /// Equal entries stay in their order in either direction, as in Python.
  bool isBehind(const Keyed &left, const Keyed &right) {
    int order = compare(run, left.key, right.key, "<");
    return isReverse ? order < 0 : order > 0;
  }
  void merge(std::vector<Keyed> &from, std::vector<Keyed> &to, size_t begin,
             size_t middle, size_t end) {
    size_t left = begin, right = middle;
    for (size_t i = begin; i < end; ++i) {
      bool takeLeft =
          left < middle && (right >= end || !isBehind(from[left], from[right]));
      to[i] = std::move(from[takeLeft ? left++ : right++]);
    }
  }

  Evaluation &run;
  bool isReverse;
};

Value foldCase(const Value &key, bool isSensitive) {
  return key.isString() && !isSensitive ? Value::trusted(toLower(key.bytes()))
                                        : key;
}

std::vector<Keyed> makeKeyed(Evaluation &run, const Value &value,
                             const Value *attribute, bool isSensitive) {
  std::vector<Keyed> entries;
  Value list;
  if (!iterate(run, value, list))
    return entries;
  for (const Value &item : list.items()) {
    Value key = attribute ? getPath(run, item, *attribute) : item;
    entries.push_back({foldCase(key, isSensitive), item});
  }
  run.spendItems(entries.size());
  return entries;
}

Value takeValues(std::vector<Keyed> &entries) {
  std::vector<Value> items;
  for (Keyed &entry : entries)
    items.push_back(std::move(entry.value));
  return Value::list(std::move(items));
}

Value pairs(const Value &map) {
  std::vector<Value> items;
  for (const Value::Entry &entry : map.entries())
    items.push_back(
        Value::list({Value::string(entry.key), entry.value}, /*isTuple=*/true));
  return Value::list(std::move(items));
}

Value dictSort(Evaluation &run, const Value &value, Arguments arguments) {
  if (value.isUndefined())
    return run.failUndefined(value);
  if (!value.isMap())
    return run.fail(std::string("found '") + typeName(value) +
                    "', expected a dict to sort");
  size_t by = 0;
  if (const Value *given = arguments.find(1)) {
    if (!given->isString() ||
        (given->bytes() != "key" && given->bytes() != "value"))
      return run.fail("dictsort sorts by 'key' or 'value'");
    by = given->bytes() == "value";
  }
  Value all = pairs(value);
  std::vector<Keyed> entries;
  for (const Value &pair : all.items())
    entries.push_back(
        {foldCase(pair.items()[by], arguments.isTrueAt(0)), pair});
  Sorter(run, arguments.isTrueAt(2)).sort(entries);
  return takeValues(entries);
}

Value least(Evaluation &run, const Value &value, Arguments arguments,
            int sign) {
  std::vector<Keyed> entries =
      makeKeyed(run, value, arguments.find(1), arguments.isTrueAt(0));
  const Keyed *best = nullptr;
  for (const Keyed &entry : entries)
    if (!best || compare(run, entry.key, best->key, "<") * sign < 0)
      best = &entry;
  return best ? best->value : Value();
}

Value sum(Evaluation &run, const Value &value, Arguments arguments) {
  Value list;
  if (!iterate(run, value, list))
    return Value();
  Value total = arguments.find(1) ? *arguments.find(1) : Value::integer(0);
  for (const Value &item : list.items())
    total = applyBinary(
        run, GEMCUT_CHAT_ADD, total,
        arguments.find(0) ? getPath(run, item, *arguments.find(0)) : item);
  return total;
}

Value join(Evaluation &run, const Value &value, Arguments arguments) {
  Value list;
  if (!iterate(run, value, list))
    return Value();
  MarkedText separator, out;
  if (const Value *given = arguments.find(0))
    separator = toText(*given);
  for (size_t i = 0; i < list.items().size() && !run.failed; ++i) {
    size_t before = out.size();
    if (i > 0)
      out.append(separator);
    const Value &item = list.items()[i];
    appendText(
        arguments.find(1) ? getPath(run, item, *arguments.find(1)) : item, out);
    run.spend(out.size() - before);
  }
  return Value::string(std::move(out));
}

Value reverse(Evaluation &run, const Value &value) {
  Value list;
  if (!iterate(run, value, list))
    return Value();
  std::vector<Value> items(list.items().rbegin(), list.items().rend());
  run.spendItems(items.size());
  if (!value.isString())
    return Value::list(std::move(items));
  MarkedText text;
  for (const Value &item : items)
    text.append(item.text());
  return Value::string(std::move(text));
}

Value unique(Evaluation &run, const Value &value, Arguments arguments) {
  std::vector<Keyed> entries =
      makeKeyed(run, value, arguments.find(1), arguments.isTrueAt(0));
  std::vector<Keyed> kept;
  for (Keyed &entry : entries) {
    if (!run.spendItems(kept.size()))
      break;
    if (entry.key.isMap() || (entry.key.isList() && !entry.key.isTuple()))
      return run.fail(std::string("'") + typeName(entry.key) +
                      "' cannot be unique");
    bool isKnown = std::any_of(kept.begin(), kept.end(), [&](const Keyed &k) {
      return isEqual(k.key, entry.key);
    });
    if (!isKnown)
      kept.push_back(std::move(entry));
  }
  return takeValues(kept);
}

} // namespace

Value gemcut::text::applySequenceFilter(Evaluation &run, unsigned filter,
                                        const Value &value,
                                        Arguments arguments) {
  switch (filter) {
  case GEMCUT_CHAT_FILTER_DICTSORT:
    return dictSort(run, value, arguments);
  case GEMCUT_CHAT_FILTER_ITEMS:
    if (value.isUndefined())
      return Value::list({});
    if (!value.isMap())
      return run.fail("items are only those of a dict");
    return pairs(value);
  case GEMCUT_CHAT_FILTER_JOIN:
    return join(run, value, arguments);
  case GEMCUT_CHAT_FILTER_MAX:
    return least(run, value, arguments, -1);
  case GEMCUT_CHAT_FILTER_MIN:
    return least(run, value, arguments, 1);
  case GEMCUT_CHAT_FILTER_REVERSE:
    return reverse(run, value);
  case GEMCUT_CHAT_FILTER_SORT: {
    std::vector<Keyed> entries =
        makeKeyed(run, value, arguments.find(2), arguments.isTrueAt(1));
    Sorter(run, arguments.isTrueAt(0)).sort(entries);
    return takeValues(entries);
  }
  case GEMCUT_CHAT_FILTER_SUM:
    return sum(run, value, arguments);
  case GEMCUT_CHAT_FILTER_UNIQUE:
    return unique(run, value, arguments);
  default: {
    Value list;
    if (!iterate(run, value, list))
      return Value();
    const std::vector<Value> &items = list.items();
    if (filter == GEMCUT_CHAT_FILTER_LIST)
      return Value::list(items);
    if (items.empty())
      return Value();
    return filter == GEMCUT_CHAT_FILTER_FIRST ? items.front() : items.back();
  }
  }
}
