#include "sandbox/jwt.h"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "mailramp/base/text.h"

namespace mailramp::sandbox {
namespace {

namespace json = boost::json;
using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr std::chrono::seconds clock_skew{300};

const unsigned char* octets(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::int64_t seconds_of(base::WallTime time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

base::Result<std::string> sign(EVP_PKEY* key, std::string_view text) {
    const DigestContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    std::size_t size = 0;
    if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, octets(text), text.size()) != 1)
        return base::fail(base::ErrorKind::internal, "OpenSSL cannot sign");
    std::string signature(size, '\0');
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, octets(text),
                       text.size()) != 1)
        return base::fail(base::ErrorKind::internal, "OpenSSL cannot sign");
    signature.resize(size);
    return signature;
}

bool is_signed_by(EVP_PKEY* key, std::string_view text, std::string_view signature) {
    const DigestContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    return context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
           EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(text), text.size()) ==
               1;
}

std::string text_of(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::int64_t number_of(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

json::object payload_of(const TokenClaims& claims, base::WallTime now) {
    const std::string issuer = "https://sts.windows.net/" + claims.tenant + "/";
    const std::int64_t issued = seconds_of(now);
    json::object payload;
    payload["aud"] = claims.audience;
    payload["iss"] = issuer;
    payload["iat"] = issued;
    payload["nbf"] = issued;
    payload["exp"] = issued + claims.lifetime.count();
    payload["aio"] = random_secret();
    payload["app_displayname"] = "relay";
    payload["appid"] = claims.app_id;
    payload["appidacr"] = "1";
    payload["idp"] = issuer;
    payload["idtyp"] = "app";
    // The object id of the enterprise application: stable for an application, unlike its client id.
    const std::string object_id = claims.app_id.substr(0, 24) + "0000000000e0";
    payload["oid"] = object_id;
    if (!claims.roles.empty()) payload["roles"] = json::array(claims.roles.begin(), claims.roles.end());
    payload["sub"] = object_id;
    payload["tid"] = claims.tenant;
    payload["uti"] = random_guid();
    payload["ver"] = "1.0";
    // Real tokens have 1,200 to 2,500 characters; a short one would hide what only a long one breaks.
    payload["xms_ftd"] = std::string(500, 'x');
    return payload;
}

}  // namespace

std::string base64url_encode(std::string_view text) {
    std::string encoded = base::base64_encode(text);
    while (encoded.ends_with('='))
        encoded.pop_back();
    std::ranges::replace(encoded, '+', '-');
    std::ranges::replace(encoded, '/', '_');
    return encoded;
}

base::Result<std::string> base64url_decode(std::string_view text) {
    std::string standard(text);
    if (standard.find_first_of("+/=") != std::string::npos)
        return base::fail(base::ErrorKind::invalid, "not base64url");
    std::ranges::replace(standard, '-', '+');
    std::ranges::replace(standard, '_', '/');
    while (standard.size() % 4 != 0)
        standard += '=';
    auto decoded = base::base64_decode(standard);
    if (!decoded) return base::fail(base::ErrorKind::invalid, "not base64url");
    return std::move(*decoded);
}

base::Result<TokenSigner> TokenSigner::create() {
    Key key(EVP_RSA_gen(2048u));
    if (!key) return base::fail(base::ErrorKind::internal, "OpenSSL cannot make an RSA key");
    return TokenSigner(std::move(key), base64url_encode(random_guid()));
}

base::Result<std::string> TokenSigner::mint(const TokenClaims& claims, base::WallTime now) const {
    json::object header;
    header["typ"] = "JWT";
    header["alg"] = "RS256";
    header["x5t"] = key_id_;
    header["kid"] = key_id_;
    const std::string text = base64url_encode(json::serialize(header)) + "." +
                             base64url_encode(json::serialize(payload_of(claims, now)));
    auto signature = sign(key_.get(), text);
    if (!signature) return std::unexpected(signature.error());
    return text + "." + base64url_encode(*signature);
}

base::Result<TokenClaims> TokenSigner::verify(std::string_view token, base::WallTime now) const {
    const auto refused = [](const char* why) { return base::fail(base::ErrorKind::invalid, why); };
    const std::size_t first = token.find('.');
    const std::size_t last = token.rfind('.');
    if (first == token.npos || first == last) return refused("the token is not a JWT");
    const auto signature = base64url_decode(token.substr(last + 1));
    const auto payload = base64url_decode(token.substr(first + 1, last - first - 1));
    if (!signature || !payload) return refused("the token is not a JWT");
    if (!is_signed_by(key_.get(), token.substr(0, last), *signature))
        return refused("the token's signature is wrong");
    boost::system::error_code error;
    const json::value parsed = json::parse(*payload, error);
    if (error || !parsed.is_object()) return refused("the token's payload is not a JSON object");
    const json::object& object = parsed.get_object();
    const std::int64_t at = seconds_of(now);
    if (number_of(object, "exp") <= at) return refused("the token has expired");
    if (number_of(object, "nbf") > at + clock_skew.count()) return refused("the token is not valid yet");
    TokenClaims claims{text_of(object, "aud"), text_of(object, "tid"), text_of(object, "appid"), {}, {}};
    claims.lifetime = std::chrono::seconds(number_of(object, "exp") - number_of(object, "iat"));
    if (const json::value* roles = object.if_contains("roles"); roles != nullptr && roles->is_array())
        for (const json::value& role : roles->get_array())
            if (role.is_string()) claims.roles.emplace_back(role.get_string());
    return claims;
}

std::string random_guid() {
    std::array<unsigned char, 16> random{};
    RAND_bytes(random.data(), random.size());
    random[6] = static_cast<unsigned char>((random[6] & 0x0Fu) | 0x40u);  // RFC 9562: version 4
    random[8] = static_cast<unsigned char>((random[8] & 0x3Fu) | 0x80u);
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < random.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        text += digits[random[i] >> 4];
        text += digits[random[i] & 15u];
    }
    return text;
}

std::string random_secret() {
    std::array<char, 30> random{};
    RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), random.size());
    // '~' and '.' occur in real secrets and must survive form encoding.
    return base64url_encode(std::string_view(random.data(), random.size())).insert(3, "8Q~");
}

}  // namespace mailramp::sandbox
