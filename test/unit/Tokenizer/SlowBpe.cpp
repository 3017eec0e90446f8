//===- SlowBpe.cpp - The obvious encoder ----------------------------------===//

#include "test/unit/Tokenizer/SlowBpe.h"

#include <fstream>
#include <nlohmann/json.hpp>

using namespace gemcut::test;
using json = nlohmann::json;

namespace {

const std::string kSpace = "\u2581";

std::string byteName(unsigned char byte) {
  char name[8];
  snprintf(name, sizeof name, "<0x%02X>", byte);
  return name;
}

size_t characterLength(unsigned char lead) {
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

} // namespace

std::string TokenizerSpec::toJson(bool mergePairs) const {
  // By hand: a tree of half a million merges takes longer than the tests.
  auto quoted = [](const std::string &text) {
    std::string out = "\"";
    for (char c : text) {
      char escaped[8];
      snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20)
        out += escaped;
      else
        out += c;
    }
    return out + '"';
  };
  std::string out = R"({"version": "1.0", "added_tokens": [)";
  const char *separator = "";
  for (int32_t id : added) {
    out += separator + (R"({"id": )" + std::to_string(id)) +
           R"(, "content": )" + quoted(pieces[id]) +
           R"(, "single_word": false, "lstrip": false, "rstrip": false,)"
           R"( "normalized": false, "special": true})";
    separator = ", ";
  }
  out += R"(], "normalizer": {"type": "Replace", "pattern": {"String": " "},
    "content": "\u2581"}, "pre_tokenizer": null, "post_processor": null,
    "decoder": {"type": "Sequence", "decoders": [{"type": "Replace",
    "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"},
    {"type": "Fuse"}]}, "model": {"type": "BPE", "dropout": null,
    "unk_token": "<unk>", "continuing_subword_prefix": null,
    "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true,
    "ignore_merges": false, "vocab": {)";
  separator = "";
  for (size_t id = 0; id < pieces.size(); ++id) {
    out += separator + quoted(pieces[id]) + ":" + std::to_string(id);
    separator = ",";
  }
  out += R"(}, "merges": [)";
  separator = "";
  for (const auto &[left, right] : merges) {
    out += separator;
    out += mergePairs ? "[" + quoted(left) + "," + quoted(right) + "]"
                      : quoted(left + ' ' + right);
    separator = ",";
  }
  return out + "]}}";
}

TokenizerSpec TokenizerSpec::fromFile(const std::string &path) {
  std::ifstream stream(path);
  json file = json::parse(stream);
  TokenizerSpec spec;
  spec.pieces.resize(file["model"]["vocab"].size());
  for (const auto &[piece, id] : file["model"]["vocab"].items())
    spec.pieces[id.get<size_t>()] = piece;
  for (const json &merge : file["model"]["merges"]) {
    if (merge.is_array()) {
      spec.merges.emplace_back(merge[0], merge[1]);
    } else {
      std::string text = merge;
      size_t space = text.find(' ');
      spec.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
    }
  }
  for (const json &token : file["added_tokens"])
    spec.added.push_back(token["id"]);
  return spec;
}

SlowBpe::SlowBpe(const TokenizerSpec &spec) {
  for (size_t id = 0; id < spec.pieces.size(); ++id)
    ids[spec.pieces[id]] = static_cast<int32_t>(id);
  for (size_t rank = 0; rank < spec.merges.size(); ++rank)
    ranks[spec.merges[rank].first + ' ' + spec.merges[rank].second] = rank;
  for (int32_t id : spec.added)
    added.emplace_back(spec.pieces[id], id);
}

std::vector<int32_t> SlowBpe::encode(const std::string &text) const {
  std::vector<int32_t> result;
  std::string ordinary;
  for (size_t i = 0; i < text.size();) {
    size_t longest = 0;
    int32_t found = -1;
    for (const auto &[content, id] : added)
      if (content.size() > longest &&
          text.compare(i, content.size(), content) == 0) {
        longest = content.size();
        found = id;
      }
    if (found < 0) {
      ordinary.push_back(text[i++]);
      continue;
    }
    encodeOrdinary(ordinary, result);
    ordinary.clear();
    result.push_back(found);
    i += longest;
  }
  encodeOrdinary(ordinary, result);
  return result;
}

void SlowBpe::encodeOrdinary(const std::string &text,
                             std::vector<int32_t> &result) const {
  std::vector<std::string> symbols;
  for (size_t i = 0; i < text.size();) {
    size_t length = characterLength(static_cast<unsigned char>(text[i]));
    std::string character = text.substr(i, length);
    i += length;
    if (character == " ")
      character = kSpace;
    if (ids.count(character))
      symbols.push_back(character);
    else
      for (char byte : character)
        symbols.push_back(byteName(static_cast<unsigned char>(byte)));
  }
  for (;;) {
    size_t best = symbols.size(), bestRank = SIZE_MAX;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      auto it = ranks.find(symbols[i] + ' ' + symbols[i + 1]);
      if (it != ranks.end() && it->second < bestRank) {
        best = i;
        bestRank = it->second;
      }
    }
    if (best == symbols.size())
      break;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + best + 1);
  }
  for (const std::string &symbol : symbols)
    result.push_back(ids.at(symbol));
}
