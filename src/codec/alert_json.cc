#include "codec/alert_json.h"

#include <limits>

#include "base/iso_time.h"
#include "base/object_writer.h"

namespace slipstream {

void append_alert_json(std::string& out, const Alert& alert) {
  ObjectWriter object(out);
  object.text("type", "alert");
  object.text("name", alert.name);
  object.text("state", alert.is_raised ? "raised" : "cleared");
  object.text("severity", name_of(alert.severity));
  object.text("track", alert.track);
  object.text("chassis", alert.chassis);
  object.key("tags") += '{' + alert.tags + '}';
  object.text("time", iso_time(alert.time.ns));
  append_json_number(object.key("value"),
                     alert.value.value_or(std::numeric_limits<double>::quiet_NaN()));
  object.text("message", alert.message);
  object.text("id", alert.id);
}

}  // namespace slipstream
