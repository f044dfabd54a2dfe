#pragma once
#include <string>
#include <string_view>

namespace slipstream {

/// The value of a hexadecimal digit of either case; -1: it is none.
int hex_digit(char c);

/// How a '+' is read: in a URL's path it stands for itself, in a query for a blank.
enum class PlusSign : unsigned char { kItself, kBlank };

/// Decodes "%XX" (RFC 3986 2.1) into `out`, which is overwritten. False: a '%' without two
/// hexadecimal digits behind it.
bool percent_decode(std::string_view text, PlusSign plus, std::string& out);

}  // namespace slipstream
