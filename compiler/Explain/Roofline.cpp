//===- Roofline.cpp - Stages under the limits of the machine --------------===//

#include "compiler/Explain/Roofline.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

using namespace gemcut::explain;

namespace {

constexpr double kPlotLeft = 70, kPlotTop = 60, kPlotWidth = 650,
                 kPlotHeight = 520;
constexpr double kTableLeft = 760, kTableWidth = 560, kLine = 17;
/// Area of all circles of a run, in square pixels.
constexpr double kCircleArea = 5000;
constexpr double kSmallestRadius = 3;
/// Groups with less of a run's time are one line of the table.
constexpr double kSmallestShare = 0.004;
/// A number's box: two digits of 11 px.
constexpr double kNumberWidth = 16, kNumberHeight = 12;

/// Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
constexpr std::array<const char *, 3> kColours = {"#0072b2", "#d55e00",
                                                  "#009e73"};

struct Point {
  double x, y, radius; ///< pixels
  const char *colour;
  int number;
  std::string title;
};

struct Box {
  double left, top, width, height;
  bool overlaps(const Box &other) const {
    return left < other.left + other.width && other.left < left + width &&
           top < other.top + other.height && other.top < top + height;
  }
};

std::string escape(const std::string &text) {
  std::string escaped;
  for (char c : text)
    escaped += c == '&'   ? "&amp;"
               : c == '<' ? "&lt;"
               : c == '>' ? "&gt;"
                          : std::string(1, c);
  return escaped;
}

/// Cuts what does not fit into `width` pixels of 11 px text.
std::string fit(const std::string &text, double width) {
  size_t most = size_t(width / 6.0);
  return text.size() <= most ? text : text.substr(0, most - 3) + "...";
}

/// A logarithmic axis over whole decades.
struct Axis {
  int first, last;      ///< exponents of ten
  double start, length; ///< pixels; a negative length goes up

  double at(double value) const {
    return start + length * (std::log10(value) - first) / (last - first);
  }
};

class Drawing {
public:
  explicit Drawing(const Subject &subject)
      : subject(subject), limits(*subject.limits) {}

  std::string draw() {
    chooseAxes();
    drawGrid();
    drawRoofs();
    for (auto [index, explanation] : llvm::enumerate(subject.explanations))
      addRun(explanation, kColours[index % kColours.size()]);
    drawPoints();
    double height = std::max(kPlotTop + kPlotHeight + 60, tableEnd + kLine);
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" "
               "viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" "
               "height=\"{:.0f}\" font-family=\"sans-serif\" "
               "font-size=\"11\">\n<title>Roofline of {}</title>\n"
               "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
               kTableLeft + kTableWidth + 20, height,
               kTableLeft + kTableWidth + 20, height, escape(subject.file)) +
           body + "</svg>\n";
  }

private:
  const Subject &subject;
  const Limits &limits;
  Axis across{}, up{};
  std::string body;
  std::vector<Point> points;
  double tableEnd = kPlotTop;
  int numbers = 0;

  static double intensity(const StageTime &stage) {
    return stage.load.macs() / stage.load.memoryBytes();
  }
  static double rate(const StageTime &stage) {
    return stage.load.macs() / stage.measured * 1e-3;
  }
  static bool isDrawn(const StageTime &stage, const StageTime &total) {
    return stage.load.macs() > 0 && stage.load.memoryBytes() > 0 &&
           stage.measured >= kSmallestShare * total.measured;
  }
  double highestRoof() const {
    return std::max(
        {limits.int8Gmacs.all, limits.bf16Gmacs.all, limits.f32Gmacs.all, 1.0});
  }

  void chooseAxes() {
    double left = 1, right = 10, low = highestRoof(), high = highestRoof();
    for (const Explanation &explanation : subject.explanations)
      for (const StageTime &stage : groupStages(explanation))
        if (isDrawn(stage, explanation.total)) {
          left = std::min(left, intensity(stage));
          right = std::max(right, intensity(stage));
          low = std::min(low, rate(stage));
          high = std::max(high, rate(stage));
        }
    auto floorTen = [](double x) { return int(std::floor(std::log10(x))); };
    across = {floorTen(left * 0.9), floorTen(right * 1.1) + 1, kPlotLeft,
              kPlotWidth};
    up = {floorTen(low * 0.9), floorTen(high * 1.1) + 1, kPlotTop + kPlotHeight,
          -kPlotHeight};
  }

  void text(double x, double y, const std::string &content,
            const char *attributes = "") {
    body += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y,
                        attributes, escape(content));
  }
  void line(double x1, double y1, double x2, double y2,
            const char *attributes) {
    body += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n",
        x1, y1, x2, y2, attributes);
  }

  void drawGrid() {
    double bottom = kPlotTop + kPlotHeight, right = kPlotLeft + kPlotWidth;
    const char *thick = "stroke=\"#c8c8c8\"", *thin = "stroke=\"#f0f0f0\"";
    auto name = [](int exponent) {
      return fmt::format("{:g}", std::pow(10.0, exponent));
    };
    auto forTicks = [&](const Axis &axis, auto &&draw) {
      for (int exponent = axis.first; exponent <= axis.last; ++exponent)
        for (int digit = 1; digit < (exponent < axis.last ? 10 : 2); ++digit)
          draw(axis.at(digit * std::pow(10.0, exponent)), digit, exponent);
    };
    forTicks(across, [&](double x, int digit, int exponent) {
      line(x, kPlotTop, x, bottom, digit == 1 ? thick : thin);
      if (digit == 1)
        text(x, bottom + 16, name(exponent), "text-anchor=\"middle\"");
    });
    forTicks(up, [&](double y, int digit, int exponent) {
      line(kPlotLeft, y, right, y, digit == 1 ? thick : thin);
      if (digit == 1)
        text(kPlotLeft - 6, y + 4, name(exponent), "text-anchor=\"end\"");
    });
    text(kPlotLeft + kPlotWidth / 2, bottom + 36,
         "multiply-accumulates per byte read from memory",
         "text-anchor=\"middle\" font-size=\"12\"");
    double middle = kPlotTop + kPlotHeight / 2;
    text(22, middle, "GMAC/s",
         fmt::format("text-anchor=\"middle\" font-size=\"12\" "
                     "transform=\"rotate(-90 22 {:.0f})\"",
                     middle)
             .c_str());
    text(kPlotLeft, 26, llvm::sys::path::filename(subject.file).str(),
         "font-size=\"16\" font-weight=\"bold\"");
    text(kPlotLeft, 44,
         fmt::format("{}, {} thread{}; best of {}; area of a circle: its share "
                     "of the run's time",
                     subject.trace->level, limits.threads,
                     limits.threads == 1 ? "" : "s",
                     subject.trace->repetitions));
  }

  /// The slope of memory and the ceilings of instructions.
  void drawRoofs() {
    struct Roof {
      const char *name;
      double gmacs;
    };
    std::vector<Roof> roofs;
    for (Roof roof :
         {Roof{"int8", limits.int8Gmacs.all},
          Roof{"bf16", limits.bf16Gmacs.all}, Roof{"f32", limits.f32Gmacs.all}})
      if (roof.gmacs > 0)
        roofs.push_back(roof);
    double right = std::pow(10.0, across.last);
    double left = std::pow(10.0, across.first);
    double read = limits.readGbps.all;
    double low = std::pow(10.0, up.first);
    const char *stroke = "stroke=\"#444\" stroke-width=\"1.5\"";
    if (read > 0) {
      double from = std::max(left, low / read);
      double to = std::min(right, highestRoof() / read);
      line(across.at(from), up.at(from * read), across.at(to), up.at(to * read),
           stroke);
      text(across.at(from) + 14, up.at(from * read) - 14,
           fmt::format("read {:.1f} GB/s", read), "fill=\"#444\"");
    }
    for (const Roof &roof : roofs) {
      double from = read > 0 ? std::max(left, roof.gmacs / read) : left;
      line(across.at(from), up.at(roof.gmacs), across.at(right),
           up.at(roof.gmacs), stroke);
      text(across.at(right) - 4, up.at(roof.gmacs) - 4,
           fmt::format("{} {:.0f} GMAC/s", roof.name, roof.gmacs),
           "text-anchor=\"end\" fill=\"#444\"");
    }
  }

  void tableLine(const std::string &number, const std::string &name,
                 const std::string &time, const std::string &share,
                 const std::string &ofLimit, const char *colour,
                 const char *weight = "normal") {
    tableEnd += kLine;
    std::string style =
        fmt::format("fill=\"{}\" font-weight=\"{}\"", colour, weight);
    std::string end = style + " text-anchor=\"end\"";
    text(kTableLeft + 16, tableEnd, number, end.c_str());
    text(kTableLeft + 24, tableEnd, fit(name, kTableWidth - 200),
         style.c_str());
    text(kTableLeft + kTableWidth - 120, tableEnd, time, end.c_str());
    text(kTableLeft + kTableWidth - 60, tableEnd, share, end.c_str());
    text(kTableLeft + kTableWidth, tableEnd, ofLimit, end.c_str());
  }

  static std::string formatTime(double microseconds) {
    return fmt::format("{:.3f} ms", microseconds * 1e-3);
  }
  static std::string formatPercent(double part, double whole) {
    return whole > 0 ? fmt::format("{:.1f} %", 100 * part / whole) : "";
  }

  void addRun(const Explanation &explanation, const char *colour) {
    const StageTime &total = explanation.total;
    int64_t rows = 0;
    for (const Step &step : explanation.steps)
      rows += step.rows;
    tableLine("",
              fmt::format("{} of {} token{} behind {}", explanation.name, rows,
                          rows == 1 ? "" : "s",
                          explanation.steps.front().position),
              "time", "share", "of limit", colour, "bold");
    double small = 0, withoutMacs = 0;
    for (const StageTime &stage : groupStages(explanation)) {
      if (!isDrawn(stage, total)) {
        (stage.load.macs() > 0 ? small : withoutMacs) += stage.measured;
        continue;
      }
      double share = stage.measured / total.measured;
      std::string name =
          fmt::format("{} ({} {})", stage.name, stage.kernel, stage.shape);
      points.push_back(
          {across.at(intensity(stage)), up.at(rate(stage)),
           std::max(std::sqrt(share * kCircleArea / M_PI), kSmallestRadius),
           colour, ++numbers,
           fmt::format("{}: {:.2f} MAC/B, {:.1f} GMAC/s", name,
                       intensity(stage), rate(stage))});
      tableLine(std::to_string(numbers), name, formatTime(stage.measured),
                formatPercent(stage.measured, total.measured),
                formatPercent(stage.predicted, stage.measured), colour);
    }
    auto addRest = [&](const char *name, double microseconds) {
      if (microseconds > 0)
        tableLine("", name, formatTime(microseconds),
                  formatPercent(microseconds, total.measured), "", "#666");
    };
    addRest("smaller products", small);
    addRest("stages without products (norms, rotations, tables)", withoutMacs);
    tableLine("", "all stages", formatTime(total.measured), "",
              formatPercent(total.predicted, total.measured), colour, "bold");
    tableEnd += kLine / 2;
  }

  /// The first place around a circle where a number meets no other number;
  /// further out each time it was round.
  static Box placeNumber(const Point &point, llvm::ArrayRef<Box> taken) {
    constexpr int kAngles = 16, kRounds = 40;
    Box box{0, 0, kNumberWidth, kNumberHeight};
    for (int i = 0; i < kAngles * kRounds; ++i) {
      double angle = 2 * M_PI * (i % kAngles) / kAngles;
      double distance = point.radius + 10 + 6.0 * (i / kAngles);
      box.left = point.x + distance * std::cos(angle) - kNumberWidth / 2;
      box.top = point.y - distance * std::sin(angle) - kNumberHeight / 2;
      bool isInside = box.left > kPlotLeft && box.top > kPlotTop &&
                      box.left + box.width < kPlotLeft + kPlotWidth &&
                      box.top + box.height < kPlotTop + kPlotHeight;
      if (isInside && llvm::none_of(taken, [&](const Box &other) {
            return box.overlaps(other);
          }))
        return box;
    }
    return box;
  }

  void drawPoints() {
    // Large circles first, so that small ones stay visible.
    std::vector<Point> ordered = points;
    llvm::sort(ordered, [](const Point &a, const Point &b) {
      return std::make_pair(-a.radius, a.number) <
             std::make_pair(-b.radius, b.number);
    });
    std::vector<Box> taken;
    for (const Point &point : ordered) {
      body += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"{}\" "
          "fill-opacity=\"0.35\" stroke=\"{}\"><title>{}</title></circle>\n",
          point.x, point.y, point.radius, point.colour, point.colour,
          escape(point.title));
      taken.push_back({point.x - 3, point.y - 3, 6, 6});
    }
    for (const Point &point : ordered) {
      Box box = placeNumber(point, taken);
      taken.push_back(box);
      double x = box.left + box.width / 2, y = box.top + box.height / 2;
      line(point.x, point.y, x, y,
           fmt::format("stroke=\"{}\" stroke-width=\"0.5\"", point.colour)
               .c_str());
      body += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.0f}\" "
                          "height=\"{:.0f}\" fill=\"white\" "
                          "fill-opacity=\"0.85\" class=\"number\"/>\n",
                          box.left, box.top, box.width, box.height);
      text(x, y + 4, std::to_string(point.number),
           fmt::format("text-anchor=\"middle\" font-weight=\"bold\" "
                       "fill=\"{}\"",
                       point.colour)
               .c_str());
    }
  }
};

} // namespace

std::string gemcut::explain::drawRoofline(const Subject &subject) {
  assert(subject.trace && subject.limits && "a roofline shows measured times");
  return Drawing(subject).draw();
}
