//===- code_points.h - Sets of Unicode code points --------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CONSTRAIN_CODE_POINTS_H
#define GEMCUT_RUNTIME_CONSTRAIN_CODE_POINTS_H

#include <cstdint>
#include <vector>

namespace gemcut::constrain {

/// A set of code points as sorted ranges with gaps between them. Surrogates are
/// in no set: UTF-8 cannot write them.
class CodePoints {
public:
  struct Range {
    uint32_t first, last;
    bool operator==(const Range &other) const {
      return first == other.first && last == other.last;
    }
  };

  CodePoints() = default;
  CodePoints(uint32_t first, uint32_t last) { add(first, last); }

  static CodePoints all() { return CodePoints(0, 0x10FFFF); }
  /// What a JSON string holds as it is: U+0020 on without '"' and '\'.
  static CodePoints plain();

  void add(uint32_t first, uint32_t last);
  void add(const CodePoints &other);
  CodePoints complement() const;
  CodePoints intersect(const CodePoints &other) const;
  CodePoints without(const CodePoints &other) const {
    return intersect(other.complement());
  }

  bool isEmpty() const { return ranges.empty(); }
  bool contains(uint32_t point) const;
  bool contains(const CodePoints &other) const {
    return intersect(other).ranges == other.ranges;
  }
  const std::vector<Range> &getRanges() const { return ranges; }
  bool operator==(const CodePoints &other) const {
    return ranges == other.ranges;
  }

private:
  void insert(uint32_t first, uint32_t last);

  std::vector<Range> ranges;
};

} // namespace gemcut::constrain

#endif // GEMCUT_RUNTIME_CONSTRAIN_CODE_POINTS_H
