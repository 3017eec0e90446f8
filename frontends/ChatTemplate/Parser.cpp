//===- Parser.cpp - Tokens of a Jinja template to a tree ------------------===//

#include "frontends/ChatTemplate/Parser.h"
#include "frontends/ChatTemplate/ExpressionParser.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"

using namespace gemcut::chat;
using llvm::StringRef;

namespace {

class Parser : public ExpressionParser {
public:
  using ExpressionParser::ExpressionParser;

  /// Statements up to a block tag of one of these names, which is left.
  Body body(llvm::ArrayRef<StringRef> ends, Place opened, StringRef what);

private:
  void statement(Body &out);
  Statement conditional(Place place);
  Statement loop(Place place);
  Statement assignment(Place place);
  Statement macro(Place place);
  Statement with(Place place);
  std::vector<Statement::Target> targets();
  void endTag();
  /// Takes the tag {% name %}.
  void close(StringRef name);
};

} // namespace

void Parser::endTag() {
  if (peek().kind == Token::BlockEnd)
    next();
  else
    unexpected("'%}'");
}

void Parser::close(StringRef name) {
  if (hasFailed())
    return;
  next(); // the beginning of the tag; body() stopped at it
  takeName(name);
  endTag();
}

Body Parser::body(llvm::ArrayRef<StringRef> ends, Place opened,
                  StringRef what) {
  Level level(*this);
  Body out;
  while (!hasFailed()) {
    const Token &token = peek();
    if (token.kind == Token::End) {
      if (!ends.empty())
        fail(opened, "the block '" + what + "' does not end with {% " +
                         ends.back() + " %}");
      break;
    }
    if (token.kind == Token::Data) {
      out.push_back(
          {Statement::Data, token.place, token.text, {}, {}, {}, {}, {}, {}});
      next();
    } else if (token.kind == Token::VariableBegin) {
      Statement made{
          Statement::Output, next().place, {}, {}, {}, {}, {}, {}, {}};
      made.value = tuple();
      if (hasFailed())
        break;
      if (peek().kind != Token::VariableEnd) {
        unexpected("'}}'");
        break;
      }
      next();
      out.push_back(std::move(made));
    } else {
      if (peek(1).kind == Token::Name && llvm::is_contained(ends, peek(1).text))
        break;
      statement(out);
    }
  }
  return out;
}

void Parser::statement(Body &out) {
  Place place = next().place;
  Place namePlace = peek().place;
  std::string name = expectName("a statement");
  if (hasFailed())
    return;
  if (name == "if") {
    out.push_back(conditional(place));
  } else if (name == "for") {
    out.push_back(loop(place));
  } else if (name == "set") {
    out.push_back(assignment(place));
  } else if (name == "macro") {
    out.push_back(macro(place));
  } else if (name == "with") {
    out.push_back(with(place));
  } else if (name == "break" || name == "continue") {
    out.push_back({name == "break" ? Statement::Break : Statement::Continue,
                   place,
                   {},
                   {},
                   {},
                   {},
                   {},
                   {},
                   {}});
    endTag();
  } else if (name == "filter") {
    Statement made{Statement::Filtered, place, {}, {}, {}, {}, {}, {}, {}};
    made.value = filters(filter(nullptr));
    endTag();
    made.body = body({"endfilter"}, place, name);
    close("endfilter");
    out.push_back(std::move(made));
  } else if (name == "generation") {
    // Marks what training counts as the model's; writes what is inside.
    Statement made{Statement::Group, place, {}, {}, {}, {}, {}, {}, {}};
    endTag();
    made.body = body({"endgeneration"}, place, name);
    close("endgeneration");
    out.push_back(std::move(made));
  } else {
    bool isJinja = llvm::StringSwitch<bool>(name)
                       .Cases({"extends", "include", "import", "from", "block",
                               "call", "autoescape", "do", "trans", "debug"},
                              true)
                       .Default(false);
    bool isEnd =
        StringRef(name).starts_with("end") || name == "else" || name == "elif";
    fail(namePlace, "the statement '" + name + "' " +
                        (isJinja ? "is not supported"
                         : isEnd ? "closes nothing here"
                                 : "does not exist") +
                        "; supported are if, for, set, macro, with, filter, "
                        "break, continue and generation");
  }
}

Statement Parser::conditional(Place place) {
  Statement made{Statement::If, place, {}, {}, {}, {}, {}, {}, {}};
  made.value = tuple(/*withCondition=*/false);
  endTag();
  made.body = body({"elif", "else", "endif"}, place, "if");
  if (hasFailed())
    return made;
  Place tag = next().place;
  if (takeName("elif")) {
    Level level(*this);
    if (!hasFailed())
      made.orElse.push_back(conditional(tag));
    return made;
  }
  if (takeName("else")) {
    endTag();
    made.orElse = body({"endif"}, place, "if");
    close("endif");
  } else {
    takeName("endif");
    endTag();
  }
  return made;
}

std::vector<Statement::Target> Parser::targets() {
  std::vector<Statement::Target> all;
  bool isInBrackets = take("(");
  do {
    Place place = peek().place;
    Statement::Target target;
    target.name = expectName("a variable's name");
    if (take("."))
      target.attribute = expectName("an attribute's name");
    for (StringRef word : {"true", "false", "none", "True", "False", "None",
                           "loop", "not", "in", "and", "or", "if", "is"})
      if (target.name == word)
        fail(place, "the name '" + word + "' cannot be assigned");
    all.push_back(std::move(target));
  } while (!hasFailed() && take(",") && peek().kind == Token::Name);
  if (isInBrackets)
    expect(")");
  return all;
}

Statement Parser::loop(Place place) {
  Statement made{Statement::For, place, {}, {}, {}, {}, {}, {}, {}};
  made.targets = targets();
  if (!takeName("in"))
    unexpected("'in'");
  made.value = tuple(/*withCondition=*/false);
  if (takeName("if"))
    made.condition = expression();
  if (peek().isName("recursive"))
    fail(peek().place, "recursive loops are not supported; use a macro");
  endTag();
  made.body = body({"else", "endfor"}, place, "for");
  if (hasFailed())
    return made;
  next();
  if (takeName("else")) {
    endTag();
    made.orElse = body({"endfor"}, place, "for");
    close("endfor");
  } else {
    takeName("endfor");
    endTag();
  }
  return made;
}

Statement Parser::assignment(Place place) {
  Statement made{Statement::Set, place, {}, {}, {}, {}, {}, {}, {}};
  made.targets = targets();
  if (take("=")) {
    made.value = tuple();
    endTag();
    return made;
  }
  made.kind = Statement::SetBlock;
  if (made.targets.size() > 1)
    unexpected("'='");
  made.value = filters(nullptr);
  endTag();
  made.body = body({"endset"}, place, "set");
  close("endset");
  return made;
}

Statement Parser::macro(Place place) {
  Statement made{Statement::Macro, place, {}, {}, {}, {}, {}, {}, {}};
  made.text = expectName("a macro's name");
  expect("(");
  while (!hasFailed() && !peek().isOperator(")")) {
    Place at = peek().place;
    made.targets.push_back({expectName("a parameter's name"), ""});
    made.values.emplace_back();
    if (take("="))
      made.values.back() = expression();
    else if (made.values.size() > 1 && made.values[made.values.size() - 2])
      fail(at, "a parameter without a default follows one with a default");
    if (!take(","))
      break;
  }
  expect(")");
  if (made.targets.size() > 64)
    fail(place, "a macro has more than 64 parameters");
  endTag();
  made.body = body({"endmacro"}, place, "macro");
  close("endmacro");
  return made;
}

Statement Parser::with(Place place) {
  Statement made{Statement::With, place, {}, {}, {}, {}, {}, {}, {}};
  while (!hasFailed() && peek().kind == Token::Name) {
    made.targets.push_back({expectName("a variable's name"), ""});
    expect("=");
    made.values.push_back(expression());
    if (!take(","))
      break;
  }
  endTag();
  made.body = body({"endwith"}, place, "with");
  close("endwith");
  return made;
}

llvm::Expected<Body> gemcut::chat::parse(StringRef source, StringRef file) {
  auto tokens = tokenize(source, file);
  if (!tokens)
    return tokens.takeError();
  Parser parser(std::move(*tokens), file);
  Body body = parser.body({}, {}, "");
  if (llvm::Error error = parser.takeError())
    return std::move(error);
  return body;
}
