//===- vocabulary.cpp - The bytes of every token, for masks ---------------===//

#include "runtime/constrain/vocabulary.h"

#include "runtime/text/utf8.h"

#include <algorithm>

using namespace gemcut::constrain;
using namespace gemcut;

/// Masks are kept for up to so many characters; few tokens are longer.
static constexpr size_t kMaskedCharacters = 24;

namespace {
struct Entry {
  uint32_t begin, length; // of the bytes
  int32_t id;
};
} // namespace

/// Characters of `text` if all of them are plain, otherwise 0.
static size_t countPlain(std::string_view text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++count) {
    uint32_t point;
    size_t length = text::decodeUtf8(text.data() + i, text.size() - i, point);
    if (length == 0 || point < 0x20 || point == '"' || point == '\\')
      return 0;
    i += length;
  }
  return count;
}

static Trie buildTrie(const std::string &bytes, std::vector<Entry> &entries) {
  auto view = [&](const Entry &entry) {
    return std::string_view(bytes).substr(entry.begin, entry.length);
  };
  std::sort(entries.begin(), entries.end(),
            [&](const Entry &a, const Entry &b) {
              int order = view(a).compare(view(b));
              return order != 0 ? order < 0 : a.id < b.id;
            });
  Trie trie;
  std::vector<uint32_t> path; // the open nodes
  std::string_view before;
  for (const Entry &entry : entries) {
    std::string_view text = view(entry);
    size_t same = 0, most = std::min(before.size(), text.size());
    while (same < most && before[same] == text[same])
      ++same;
    for (; path.size() > same; path.pop_back())
      trie.nodes[path.back()].subtreeEnd = uint32_t(trie.nodes.size());
    for (size_t i = same; i < text.size(); ++i) {
      path.push_back(uint32_t(trie.nodes.size()));
      trie.nodes.push_back(
          {uint32_t(trie.tokens.size()), 0, uint16_t(i + 1), uint8_t(text[i])});
    }
    trie.tokens.push_back(entry.id);
    before = text;
  }
  uint32_t end = uint32_t(trie.nodes.size());
  for (uint32_t node : path)
    trie.nodes[node].subtreeEnd = end;
  trie.nodes.push_back({uint32_t(trie.tokens.size()), end + 1, 0, 0});
  return trie;
}

bool Vocabulary::isStop(int32_t id) const {
  return std::find(stopIds.begin(), stopIds.end(), id) != stopIds.end();
}

bool Vocabulary::isSpecial(int32_t id) const {
  if (tokenizer.isControl(id))
    return true;
  for (int role = 0; role < GEMCUT_TOKEN_ROLES; ++role)
    if (tokenizer.role(gemcut_token_role(role)) == id)
      return true;
  return false;
}

std::string Vocabulary::textOf(int32_t id) const {
  std::string text;
  if (isSpecial(id) || isStop(id))
    return text;
  int byte = tokenizer.byteValue(id);
  if (byte >= 0)
    text.push_back(char(byte));
  else
    tokenizer.appendPiece(id, text);
  return text;
}

std::shared_ptr<const Vocabulary>
Vocabulary::build(const text::Tokenizer &tokenizer, const int32_t *stopIds,
                  size_t stopIdCount) {
  auto result = std::make_shared<Vocabulary>();
  Vocabulary &v = *result;
  v.tokenizer = tokenizer;
  for (size_t i = 0; i < stopIdCount; ++i)
    if (stopIds[i] >= 0 && stopIds[i] < v.size())
      v.stopIds.push_back(stopIds[i]);

  std::string bytes;
  std::vector<Entry> plain, rest;
  std::vector<std::pair<uint32_t, int32_t>> lengths; // characters, id
  for (int32_t id = 0; id < tokenizer.pieceCount(); ++id) {
    std::string text = v.textOf(id);
    if (text.empty()) {
      if (v.isSpecial(id) && !v.isStop(id))
        v.specialIds.push_back(id);
      continue;
    }
    size_t characters = countPlain(text);
    (characters ? plain : rest)
        .push_back({uint32_t(bytes.size()), uint32_t(text.size()), id});
    bytes += text;
    if (characters)
      lengths.push_back({uint32_t(characters), id});
  }
  v.plain = buildTrie(bytes, plain);
  v.rest = buildTrie(bytes, rest);

  std::sort(lengths.begin(), lengths.end());
  v.plainMasks.emplace_back(v.maskWords());
  size_t next = 0;
  for (size_t most = 1; most <= kMaskedCharacters; ++most) {
    v.plainMasks.push_back(v.plainMasks.back());
    for (; next < lengths.size() && lengths[next].first <= most; ++next) {
      uint32_t id = uint32_t(lengths[next].second);
      v.plainMasks.back()[id / 32] |= 1u << id % 32;
    }
  }
  for (; next < lengths.size(); ++next)
    v.longPlain.push_back(lengths[next]);
  return result;
}

void Vocabulary::copyPlain(size_t characters, uint32_t *words) const {
  const Mask &mask = plainMasks[std::min(characters, kMaskedCharacters)];
  std::copy(mask.begin(), mask.end(), words);
  if (characters <= kMaskedCharacters)
    return;
  for (const auto &[length, id] : longPlain) {
    if (length > characters)
      break;
    words[id / 32] |= 1u << id % 32;
  }
}
