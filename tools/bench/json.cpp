#include "json.hpp"

#include <nlohmann/json.hpp>

namespace bulkhead::bench {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::vector<Curve>& curves) {
  Json list = Json::array();
  for (const auto& curve : curves) {
    Json points = Json::array();
    for (const auto& [x, y] : curve.points) points.push_back({x, y});
    list.push_back({{"name", curve.name}, {"points", points}});
  }
  return list;
}

void put(Json& json, const char* name, const std::optional<double>& number) {
  if (number) json[name] = *number;
}

void take(const Json& json, const char* name, std::optional<double>& number) {
  if (const auto found = json.find(name); found != json.end() && found->is_number()) number = found->get<double>();
}

std::vector<Curve> curves_of(const Json& list) {
  std::vector<Curve> curves;
  for (const auto& item : list) {
    Curve curve;
    curve.name = item.at("name");
    for (const auto& point : item.at("points")) curve.points.emplace_back(point.at(0), point.at(1));
    curves.push_back(std::move(curve));
  }
  return curves;
}

Json json_of(const Figure& figure) {
  Json json = {{"name", figure.spec.name}, {"value", nullptr}, {"unit", figure.spec.unit}, {"what", figure.spec.what}};
  if (figure.value) json["value"] = *figure.value;
  if (!figure.missing.empty()) json["missing"] = figure.missing;
  if (const auto& target = figure.spec.target) {
    json["target"] = {{target->kind == Target::Kind::kAtMost ? "at_most" : "at_least", target->bound}};
    if (figure.value) json["met"] = target->is_met_by(*figure.value);
  }
  Json parameters = Json::object();
  for (const auto& [name, value] : figure.parameters) parameters[name] = value;
  json["parameters"] = parameters;
  put(json, "mean", figure.mean);
  put(json, "p99", figure.p99);
  put(json, "cpu_us", figure.cpu_us);
  if (!figure.rivals.empty()) {
    Json rivals = Json::array();
    for (const auto& rival : figure.rivals) {
      Json item = {{"name", rival.name}, {"value", rival.value}, {"ratio", rival.ratio}};
      put(item, "mean", rival.mean);
      put(item, "p99", rival.p99);
      put(item, "cpu_us", rival.cpu_us);
      rivals.push_back(std::move(item));
    }
    json["peers"] = rivals;
  }
  if (!figure.distributions.empty()) json["distributions"] = json_of(figure.distributions);
  if (!figure.curves.empty()) {
    json["x_axis"] = figure.x_axis;
    json["y_axis"] = figure.y_axis;
    json["curves"] = json_of(figure.curves);
  }
  return json;
}

void fill(Figure& figure, const Json& json) {
  take(json, "value", figure.value);
  take(json, "mean", figure.mean);
  take(json, "p99", figure.p99);
  take(json, "cpu_us", figure.cpu_us);
  figure.missing = json.value("missing", "");
  for (const auto& [name, value] : json.at("parameters").items()) figure.parameters.emplace_back(name, value);
  if (json.contains("peers")) {
    for (const auto& item : json.at("peers")) {
      Rival rival{item.at("name"), item.at("value"), item.at("ratio")};
      take(item, "mean", rival.mean);
      take(item, "p99", rival.p99);
      take(item, "cpu_us", rival.cpu_us);
      figure.rivals.push_back(std::move(rival));
    }
  }
  if (json.contains("distributions")) figure.distributions = curves_of(json.at("distributions"));
  if (json.contains("curves")) {
    figure.x_axis = json.at("x_axis");
    figure.y_axis = json.at("y_axis");
    figure.curves = curves_of(json.at("curves"));
  }
}

}  // namespace

std::string to_json(const Machine& machine, const std::vector<Figure>& figures,
                    const std::vector<std::string>& notices) {
  Json list = Json::array();
  for (const auto& figure : figures) list.push_back(json_of(figure));
  const Json json = {{"machine",
                      {{"date", machine.date},
                       {"processor", machine.processor},
                       {"cpus", machine.cpus},
                       {"kernel", machine.kernel},
                       {"compiler", machine.compiler},
                       {"load", machine.load}}},
                     {"figures", list},
                     {"notices", notices}};
  return json.dump(2) + "\n";
}

std::string pack(Findings& findings) {
  Json list = Json::array();
  for (const auto& figure : findings.figures()) list.push_back(json_of(figure));
  return Json{{"figures", list}, {"notices", findings.notices()}}.dump();
}

void unpack(std::string_view text, Findings& findings) {
  const Json json = Json::parse(text);
  for (const auto& item : json.at("figures")) fill(findings.at(item.at("name").get<std::string>()), item);
  for (const auto& text_of_notice : json.at("notices")) findings.notice(text_of_notice);
}

}  // namespace bulkhead::bench
