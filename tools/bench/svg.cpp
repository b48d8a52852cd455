#include "svg.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "words.hpp"

namespace bulkhead::bench {

namespace {

constexpr double kWidth = 760;
constexpr double kBarHeight = 18;
constexpr double kNameWidth = 290;
constexpr double kNumberWidth = 120;
constexpr double kPlotHeight = 300;
constexpr double kLeft = 70;
constexpr double kRight = 250;  // room for the names of curves
constexpr double kTop = 12;
constexpr double kBottom = 44;
const char* const kColours[] = {"#c8442c", "#2f6db0", "#3b8f5a", "#8a5fb0", "#b0872f", "#4a9db0",
                                "#777777", "#b04a86", "#6b7f2a", "#274060", "#a0522d", "#555599"};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

// "0.01", "10", "100 000": a mark of a ruler needs no digits that are not there.
std::string mark_text(double mark) {
  if (mark >= 100) return short_number(mark);
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", mark);
  return text;
}

std::string text_at(double x, double y, const std::string& text, const char* more = "") {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" " + more + ">" + escaped(text) + "</text>\n";
}

// Where values lie between two ends of the page.
class Ruler {
 public:
  Ruler(Scale scale, double from, double to) : scale_(scale), from_(from), to_(to) {}

  void include(double value) {
    if (scale_ == Scale::kLogarithmic && value <= 0) return;
    least_ = std::min(least_, value);
    most_ = std::max(most_, value);
  }
  void settle() {
    if (least_ > most_) least_ = most_ = 1;
    if (scale_ == Scale::kLinear) {
      least_ = std::min(least_, 0.0);
      if (most_ <= least_) most_ = least_ + 1;
    } else {
      least_ = std::pow(10, std::floor(std::log10(least_) + 1e-9));
      most_ = std::pow(10, std::ceil(std::log10(most_) - 1e-9));
      if (most_ <= least_) most_ = least_ * 10;
    }
  }
  [[nodiscard]] double place(double value) const {
    const double value_shown = scale_ == Scale::kLogarithmic ? std::max(value, least_) : value;
    return from_ + (to_ - from_) * (at(value_shown) - at(least_)) / (at(most_) - at(least_));
  }
  [[nodiscard]] std::vector<double> marks() const {
    std::vector<double> marks;
    if (scale_ == Scale::kLogarithmic) {
      for (double mark = least_; mark <= most_ * 1.001; mark *= 10) marks.push_back(mark);
      return marks;
    }
    const double rough = (most_ - least_) / 5;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    const double step = rough / power < 2 ? 2 * power : rough / power < 5 ? 5 * power : 10 * power;
    for (double mark = std::ceil(least_ / step) * step; mark <= most_ + step / 1000; mark += step)
      marks.push_back(mark);
    return marks;
  }

 private:
  [[nodiscard]] double at(double value) const { return scale_ == Scale::kLogarithmic ? std::log10(value) : value; }

  Scale scale_;
  double from_;
  double to_;
  double least_ = std::numeric_limits<double>::infinity();
  double most_ = -std::numeric_limits<double>::infinity();
};

std::string open_svg(double height) {
  return "<svg viewBox=\"0 0 " + number(kWidth) + " " + number(height) + "\" width=\"" + number(kWidth) +
         "\" height=\"" + number(height) + "\" role=\"img\">\n";
}

std::string draw_axes(const Ruler& across, const Ruler& up, const Axis& x, const Axis& y) {
  std::string svg;
  for (const double mark : up.marks()) {
    const auto at = up.place(mark);
    svg += "<line class=\"grid\" x1=\"" + number(kLeft) + "\" x2=\"" + number(kWidth - kRight) + "\" y1=\"" +
           number(at) + "\" y2=\"" + number(at) + "\"/>\n";
    svg += text_at(kLeft - 6, at + 4, mark_text(mark), "text-anchor=\"end\"");
  }
  for (const double mark : across.marks()) {
    const auto at = across.place(mark);
    svg += "<line class=\"grid\" x1=\"" + number(at) + "\" x2=\"" + number(at) + "\" y1=\"" + number(kTop) +
           "\" y2=\"" + number(kPlotHeight - kBottom) + "\"/>\n";
    svg += text_at(at, kPlotHeight - kBottom + 16, mark_text(mark), "text-anchor=\"middle\"");
  }
  svg += text_at((kLeft + kWidth - kRight) / 2, kPlotHeight - 8, x.title, "text-anchor=\"middle\" class=\"title\"");
  svg += text_at(4, kTop + 2, y.title, "class=\"title\"");
  return svg;
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string draw_bars(const std::vector<Bar>& bars) {
  Ruler ruler(Scale::kLogarithmic, 4, kWidth - kNameWidth - kNumberWidth);
  for (const auto& bar : bars) ruler.include(bar.value);
  ruler.settle();
  std::string svg = open_svg(kBarHeight * static_cast<double>(bars.size()) + 4);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double top = kBarHeight * static_cast<double>(i);
    const double length = ruler.place(bars[i].value);
    svg += text_at(kNameWidth - 8, top + 13, bars[i].name, "text-anchor=\"end\"");
    svg += "<rect x=\"" + number(kNameWidth) + "\" y=\"" + number(top + 2) + "\" width=\"" + number(length) +
           "\" height=\"" + number(kBarHeight - 5) + "\" fill=\"" + (i == 0 ? kColours[0] : kColours[1]) + "\"/>\n";
    svg += text_at(kNameWidth + length + 6, top + 13, bars[i].text);
  }
  return svg + "</svg>\n";
}

std::string draw_curves(const std::vector<Curve>& curves, const Axis& x, const Axis& y) {
  Ruler across(x.scale, kLeft, kWidth - kRight);
  Ruler up(y.scale, kPlotHeight - kBottom, kTop + 14);
  for (const auto& curve : curves) {
    for (const auto& [at, value] : curve.points) {
      across.include(at);
      up.include(value);
    }
  }
  across.settle();
  up.settle();
  std::string svg = open_svg(kPlotHeight) + draw_axes(across, up, x, y);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const std::string colour = kColours[i % std::size(kColours)];
    std::string line;
    for (const auto& [at, value] : curves[i].points) {
      line += number(across.place(at)) + "," + number(up.place(value)) + " ";
      svg += "<circle cx=\"" + number(across.place(at)) + "\" cy=\"" + number(up.place(value)) +
             "\" r=\"2.5\" fill=\"" + colour + "\"><title>" +
             escaped(curves[i].name + ": " + short_number(at) + ", " + short_number(value)) + "</title></circle>\n";
    }
    svg += "<polyline fill=\"none\" stroke=\"" + colour + "\" stroke-width=\"" + (i == 0 ? "2.5" : "1.5") +
           "\" points=\"" + line + "\"/>\n";
    const double row = kTop + 8 + 16 * static_cast<double>(i);
    svg += "<rect x=\"" + number(kWidth - kRight + 14) + "\" y=\"" + number(row - 8) +
           "\" width=\"10\" height=\"10\" fill=\"" + colour + "\"/>\n";
    svg += text_at(kWidth - kRight + 30, row + 1, curves[i].name);
  }
  return svg + "</svg>\n";
}

}  // namespace bulkhead::bench
