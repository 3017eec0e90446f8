//===- Builtins.cpp - Filters, tests, methods and functions ---------------===//

#include "frontends/ChatTemplate/Builtins.h"
#include "runtime/abi/chat_program.h"

#include "llvm/ADT/StringSwitch.h"

#include <vector>

using namespace gemcut::chat;
using llvm::StringRef;

using Table = std::vector<Builtin>;

static void add(Table &table, StringRef name, StringRef parameters) {
  Builtin builtin{unsigned(table.size()), name, {}};
  parameters.split(builtin.parameters, ',', /*MaxSplit=*/-1,
                   /*KeepEmpty=*/false);
  table.push_back(std::move(builtin));
}

static const Table &getTable(BuiltinKind kind) {
#define GEMCUT_ADD(name, text, parameters) add(table, text, parameters);
  static const Table filters = [] {
    Table table;
    GEMCUT_CHAT_FILTERS(GEMCUT_ADD)
    return table;
  }();
  static const Table tests = [] {
    Table table;
    GEMCUT_CHAT_TESTS(GEMCUT_ADD)
    return table;
  }();
  static const Table methods = [] {
    Table table;
    GEMCUT_CHAT_METHODS(GEMCUT_ADD)
    return table;
  }();
  static const Table functions = [] {
    Table table;
    GEMCUT_CHAT_FUNCTIONS(GEMCUT_ADD)
    return table;
  }();
#undef GEMCUT_ADD
  switch (kind) {
  case BuiltinKind::Filter:
    return filters;
  case BuiltinKind::Test:
    return tests;
  case BuiltinKind::Method:
    return methods;
  case BuiltinKind::Function:
    return functions;
  }
  llvm_unreachable("not a kind");
}

StringRef gemcut::chat::getKindName(BuiltinKind kind) {
  switch (kind) {
  case BuiltinKind::Filter:
    return "filter";
  case BuiltinKind::Test:
    return "test";
  case BuiltinKind::Method:
    return "method";
  case BuiltinKind::Function:
    return "function";
  }
  llvm_unreachable("not a kind");
}

static StringRef resolveAlias(BuiltinKind kind, StringRef name) {
  if (kind == BuiltinKind::Filter)
    return llvm::StringSwitch<StringRef>(name)
        .Case("d", "default")
        .Case("count", "length")
        .Default(name);
  if (kind == BuiltinKind::Test)
    return llvm::StringSwitch<StringRef>(name)
        .Cases({"eq", "=="}, "equalto")
        .Case("greaterthan", "gt")
        .Case("lessthan", "lt")
        .Default(name);
  return name;
}

const Builtin *gemcut::chat::findBuiltin(BuiltinKind kind, StringRef name) {
  name = resolveAlias(kind, name);
  for (const Builtin &builtin : getTable(kind))
    if (builtin.name == name && !name.contains(' '))
      return &builtin;
  return nullptr;
}

StringRef gemcut::chat::findSimilar(BuiltinKind kind, StringRef name) {
  StringRef best;
  unsigned least = 3;
  for (const Builtin &builtin : getTable(kind)) {
    unsigned distance = name.edit_distance(builtin.name, true, least);
    if (distance < least) {
      least = distance;
      best = builtin.name;
    }
  }
  return best;
}
