//===- StageReport.cpp - The stages of a program as data ------------------===//

#include "compiler/Explain/StageReport.h"

#include "compiler/Explain/JsonMembers.h"

#include "llvm/ADT/STLExtras.h"

using namespace gemcut::explain;
using nlohmann::ordered_json;

namespace {

struct NumberField {
  const char *name;
  int64_t StageKind::*member;
};
constexpr NumberField kNumbers[] = {
    {"barriers", &StageKind::barriers},
    {"weight_bytes", &StageKind::weightBytes},
    {"table_bytes_per_row", &StageKind::tableBytesPerRow},
    {"expert_bytes", &StageKind::expertBytes},
    {"experts", &StageKind::experts},
    {"experts_per_row", &StageKind::expertsPerRow},
    {"buffer_bytes_per_row", &StageKind::bufferBytesPerRow},
    {"cache_read_bytes_per_position", &StageKind::cacheReadBytesPerPosition},
    {"cache_written_bytes_per_row", &StageKind::cacheWrittenBytesPerRow},
    {"window", &StageKind::window},
    {"macs_per_row", &StageKind::macsPerRow},
    {"macs_per_row_position", &StageKind::macsPerRowPosition},
    {"chunks", &StageKind::chunks},
    {"chunks_per_block", &StageKind::chunksPerBlock},
    {"rows_per_block", &StageKind::rowsPerBlock}};

struct TextField {
  const char *name;
  std::string StageKind::*member;
};
constexpr TextField kTexts[] = {{"name", &StageKind::name},
                                {"kernel", &StageKind::kernel},
                                {"shape", &StageKind::shape},
                                {"arithmetic", &StageKind::arithmetic},
                                {"partition", &StageKind::partition}};

} // namespace

bool StageKind::operator==(const StageKind &other) const {
  auto isSame = [&](const auto &field) {
    return this->*field.member == other.*field.member;
  };
  return llvm::all_of(kTexts, isSame) && llvm::all_of(kNumbers, isSame);
}

ordered_json gemcut::explain::toJson(const StageReport &report) {
  ordered_json json;
  json["kinds"] = ordered_json::array();
  for (const StageKind &kind : report.kinds) {
    ordered_json out;
    for (const TextField &field : kTexts)
      out[field.name] = kind.*field.member;
    for (const NumberField &field : kNumbers)
      out[field.name] = kind.*field.member;
    json["kinds"].push_back(std::move(out));
  }
  json["entries"] = ordered_json::object();
  for (const auto &[name, entry] : report.entries) {
    ordered_json &out = json["entries"][name];
    out["max_rows"] = entry.maxRows;
    // Three columns: kind, layer, rows.
    out["stages"] = ordered_json::array();
    for (const StageUse &use : entry.stages)
      out["stages"].push_back({use.kind, use.layer, use.rows});
  }
  return json;
}

llvm::Expected<StageReport>
gemcut::explain::readStages(const ordered_json &json) {
  JsonMembers reader;
  StageReport report;
  for (const ordered_json &in : reader.array(json, "kinds")) {
    StageKind &kind = report.kinds.emplace_back();
    for (const TextField &field : kTexts)
      kind.*field.member = reader.text(in, field.name);
    for (const NumberField &field : kNumbers)
      kind.*field.member = reader.count(in, field.name);
  }
  for (const auto &[name, in] : reader.object(json, "entries").items()) {
    EntryStages &entry = report.entries[name];
    entry.maxRows = reader.count(in, "max_rows");
    for (const ordered_json &row : reader.array(in, "stages")) {
      if (!row.is_array() || row.size() != 3 ||
          !std::all_of(row.begin(), row.end(), [](const ordered_json &value) {
            return value.is_number_integer();
          })) {
        reader.fail("a stage is not three whole numbers");
        continue;
      }
      StageUse use{row[0].get<size_t>(), row[1].get<int64_t>(),
                   row[2].get<int64_t>()};
      if (use.kind >= report.kinds.size() || use.layer < -1 || use.rows < 0)
        reader.fail("a stage has kind " + std::to_string(use.kind) +
                    ", layer " + std::to_string(use.layer) + " and rows " +
                    std::to_string(use.rows) + ", but there are " +
                    std::to_string(report.kinds.size()) + " kinds");
      entry.stages.push_back(use);
    }
  }
  if (llvm::Error error = reader.takeError())
    return error;
  return report;
}
