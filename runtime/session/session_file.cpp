//===- session_file.cpp - Sequences on disk -------------------------------===//

#include "runtime/session/session_file.h"

#include "runtime/core/error.h"
#include "runtime/session/kv_image.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace gemcut;

namespace {

constexpr char kMagic[8] = {'G', 'E', 'M', 'C', 'U', 'T', 'K', 'V'};
constexpr uint32_t kVersion = 2;

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t sequences;
  uint64_t fingerprint;
  char level[24];    // ends in a 0
  uint64_t payload;  // bytes behind the header
  uint64_t checksum; // XXH64 of the payload, then of the fields before this one
};

struct SequenceHeader {
  uint32_t count, prompted; // tokens
};

/// All positions of a sequence in the caches that hold them.
KvPage getWholePage(size_t count) { return {KvKind::Linear, 0, count}; }

} // namespace

uint64_t gemcut::getSessionFingerprint(const gemcut_model_info &model,
                                       uint64_t weightsChecksum,
                                       const char *adapter) {
  Xxh64 hash;
  hash.update(&model, sizeof(model));
  hash.update(&weightsChecksum, sizeof(weightsChecksum));
  if (adapter)
    hash.update(adapter, strlen(adapter));
  return hash.digest();
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

gemcut_status SessionWriter::failed(const char *what) const {
  return fail(GEMCUT_SYSTEM_ERROR, "cannot %s the session file %s: %s", what,
              path.c_str(), strerror(errno));
}

gemcut_status SessionWriter::open(const char *name, uint64_t bound,
                                  const char *levelName) {
  if (gemcut_status status = checkReplaceable(name))
    return status;
  path = name;
  fingerprint = bound;
  level = levelName;
  // Readable by its owner alone: it holds a conversation.
  if (!file.open(name, 0600))
    return failed("create");
  Header header = {}; // written again by commit
  if (fwrite(&header, sizeof(header), 1, file.stream()) != 1)
    return failed("write");
  return GEMCUT_OK;
}

gemcut_status SessionWriter::write(const void *data, size_t bytes) {
  hash.update(data, bytes);
  payload += bytes;
  if (bytes > 0 && fwrite(data, bytes, 1, file.stream()) != 1)
    return failed("write");
  return GEMCUT_OK;
}

gemcut_status SessionWriter::add(const Session &session, int32_t slot,
                                 size_t prompted) {
  const gemcut_model_info &model = session.getModel();
  size_t count = session.getTokenCount(slot);
  SequenceHeader header = {uint32_t(count), uint32_t(prompted)};
  if (gemcut_status status = write(&header, sizeof(header)))
    return status;
  if (gemcut_status status =
          write(session.getTokens(slot), count * sizeof(int32_t)))
    return status;
  KvPage whole = getWholePage(count);
  std::vector<uint8_t> image(countPageBytes(model, whole));
  copyPage(model, whole, 0, count, session.getKv(slot), image.data(),
           KvCopy::FromSlot);
  if (gemcut_status status = write(image.data(), image.size()))
    return status;
  image.resize(countRingBytes(model, count));
  copyRings(model, count, session.getKv(slot), image.data(), KvCopy::FromSlot);
  ++sequences;
  return write(image.data(), image.size());
}

gemcut_status SessionWriter::commit() {
  Header header = {};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.version = kVersion;
  header.sequences = sequences;
  header.fingerprint = fingerprint;
  snprintf(header.level, sizeof(header.level), "%s", level);
  header.payload = payload;
  hash.update(&header, offsetof(Header, checksum));
  header.checksum = hash.digest();
  if (fseek(file.stream(), 0, SEEK_SET) != 0 ||
      fwrite(&header, sizeof(header), 1, file.stream()) != 1 ||
      !file.commit(/*isDurable=*/true))
    return failed("write");
  return GEMCUT_OK;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

SessionFile::~SessionFile() {
  if (isMapped)
    munmap(const_cast<uint8_t *>(data), size);
}

gemcut_status SessionFile::check(const char *path, uint64_t fingerprint,
                                 const char *level) {
  Header header;
  if (size < sizeof(header) || std::memcmp(data, kMagic, sizeof(kMagic)) != 0)
    return fail(GEMCUT_CORRUPT_ARTIFACT, "%s is not a session file", path);
  std::memcpy(&header, data, sizeof(header));
  if (header.version != kVersion)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the session file %s has version %u, but this program reads "
                "version %u; save it again",
                path, header.version, kVersion);
  if (header.payload != size - sizeof(header))
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "the session file %s has %zu bytes behind its header, but "
                "promises %llu; it %s",
                path, size - sizeof(header), (unsigned long long)header.payload,
                size - sizeof(header) < header.payload
                    ? "was cut off"
                    : "goes on behind its end");
  Xxh64 hash;
  hash.update(data + sizeof(header), size - sizeof(header));
  hash.update(data, offsetof(Header, checksum));
  if (hash.digest() != header.checksum)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "the session file %s is damaged: its checksum is another one",
                path);
  if (header.fingerprint != fingerprint)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the session file %s belongs to another model, or to one that "
                "was compiled in another way",
                path);
  header.level[sizeof(header.level) - 1] = 0;
  if (level && strcmp(header.level, level) != 0)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the session file %s was computed by code of level %s, but "
                "this program runs level %s, whose results differ in the last "
                "bits; run it with --level %s, or save it again",
                path, header.level, level, header.level);
  if (header.sequences > size / sizeof(SequenceHeader))
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "the session file %s has %u sequences, for which it is too "
                "short",
                path, header.sequences);
  sequences.resize(header.sequences);
  return GEMCUT_OK;
}

gemcut_status SessionFile::readSequences(const char *path) {
  // A file with the right checksum was written by this program; its numbers
  // are checked nevertheless, because anybody can compute a checksum.
  size_t at = sizeof(Header);
  auto take = [&](uint64_t bytes, const uint8_t *&where) {
    if (bytes > size - at)
      return false;
    where = data + at;
    at += size_t(bytes);
    return true;
  };
  for (Sequence &sequence : sequences) {
    SequenceHeader header;
    const uint8_t *where = nullptr;
    if (!take(sizeof(header), where))
      return fail(GEMCUT_CORRUPT_ARTIFACT, "%s ends too early", path);
    std::memcpy(&header, where, sizeof(header));
    sequence.count = header.count;
    sequence.prompted = header.prompted;
    if (header.count == 0 || header.count > uint32_t(model->context) ||
        header.prompted > header.count ||
        !take(uint64_t(header.count) * sizeof(int32_t), sequence.tokens) ||
        !take(countPageBytes(*model, getWholePage(header.count)),
              sequence.pages) ||
        !take(countRingBytes(*model, header.count), sequence.rings))
      return fail(GEMCUT_CORRUPT_ARTIFACT,
                  "the session file %s has a sequence of %u tokens that does "
                  "not fit into it",
                  path, header.count);
  }
  return GEMCUT_OK;
}

gemcut_status SessionFile::openMemory(const uint8_t *bytes, size_t length,
                                      const char *name,
                                      const gemcut_model_info &info,
                                      uint64_t fingerprint, const char *level) {
  model = &info;
  data = bytes;
  size = length;
  if (gemcut_status checked = check(name, fingerprint, level))
    return checked;
  return readSequences(name);
}

gemcut_status SessionFile::open(const char *path, const gemcut_model_info &info,
                                uint64_t fingerprint, const char *level) {
  int descriptor = ::open(path, O_RDONLY | O_CLOEXEC);
  struct stat status = {};
  void *mapped = MAP_FAILED;
  bool isKnown = descriptor >= 0 && fstat(descriptor, &status) == 0;
  bool isFile = isKnown && S_ISREG(status.st_mode);
  if (isFile && status.st_size > 0)
    mapped = mmap(nullptr, size_t(status.st_size), PROT_READ, MAP_PRIVATE,
                  descriptor, 0);
  int reason = errno;
  if (descriptor >= 0)
    ::close(descriptor);
  if (mapped == MAP_FAILED)
    return isKnown && (!isFile || status.st_size == 0)
               ? fail(GEMCUT_CORRUPT_ARTIFACT, "%s is not a session file", path)
               : fail(GEMCUT_SYSTEM_ERROR,
                      "cannot read the session file %s: %s", path,
                      strerror(reason));
  isMapped = true;
  return openMemory(static_cast<uint8_t *>(mapped), size_t(status.st_size),
                    path, info, fingerprint, level);
}

std::vector<int32_t> SessionFile::getTokens(size_t index) const {
  const Sequence &sequence = sequences[index];
  std::vector<int32_t> tokens(sequence.count);
  std::memcpy(tokens.data(), sequence.tokens, sequence.count * sizeof(int32_t));
  return tokens;
}

gemcut_status SessionFile::restoreOnly(const char *path, Session &session,
                                       int32_t slot) const {
  if (getSequenceCount() != 1)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the session file %s has %zu sequences, but one can be "
                "continued; a server's file is for a server",
                path, getSequenceCount());
  return restore(0, session, slot);
}

gemcut_status SessionFile::restore(size_t index, Session &session,
                                   int32_t slot) const {
  const Sequence &sequence = sequences[index];
  std::vector<int32_t> tokens = getTokens(index);
  if (gemcut_status status = session.adopt(slot, tokens.data(), tokens.size()))
    return status;
  // Copies to a slot only read the image.
  copyPage(*model, getWholePage(sequence.count), 0, sequence.count,
           session.getKv(slot), const_cast<uint8_t *>(sequence.pages),
           KvCopy::ToSlot);
  copyRings(*model, sequence.count, session.getKv(slot),
            const_cast<uint8_t *>(sequence.rings), KvCopy::ToSlot);
  return GEMCUT_OK;
}
