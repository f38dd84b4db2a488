/**
 * Removes likely secrets from a text before it is shown, logged or stored.
 *
 * It recognizes the usual formats and names of secrets, also in JSON within a text and in Base64. It is a safety net, not a
 * guarantee: a password that looks like a word stays. All patterns run in linear time.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"

/**
 * The text that replaces a secret.
 *
 * @category constants
 * @since 0.1.0
 */
export const placeholder = "[redacted]"

const secretName =
  /(?:api[_-]?key|access[_-]?key|account[_-]?key|secret|token|passw(?:or)?d|passphrase|authorization|credential|cookie|private[_-]?key)s?$/i

// Tokens are also counted: a number under such a name is not a secret. The words must be separate, as in `maxTokens` or
// `input_tokens`, and not part of another word, as in `ACCOUNT` or `MAXMIND`.
const counting: ReadonlySet<string> = new Set(
  "max min total num count limit input output cached reasoning budget used remaining".split(" ")
)
const number = /^["']?\d[\d_,.]*[kKmM]?["']?$/

const isCount = (name: string, value: string): boolean =>
  /tokens$/i.test(name) &&
  number.test(value) &&
  name
    .replace(/([a-z])(?=[A-Z])/g, "$1_")
    .split(/[_-]+/)
    .some((word) => counting.has(word.toLowerCase()))

// In source code a type follows such a name, in settings a word such as `null`, and in a header the scheme.
const isNoValue = (value: string): boolean =>
  /^(?:string|String|str|number|boolean|bool|null|nil|None|undefined|true|false|Bearer|Basic)[);]*$/.test(value)

// Tokens with a prefix that names their issuer.
const tokens: ReadonlyArray<RegExp> = [
  // Model providers and Hugging Face.
  /(?:sk|pk|rk)-[A-Za-z0-9_-]{12,}/,
  /hf_[A-Za-z0-9]{20,}/,
  // GitHub, GitLab, and package registries.
  /gh[pousr]_[A-Za-z0-9]{20,}/,
  /github_pat_[A-Za-z0-9_]{20,}/,
  /gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{16,}/,
  /npm_[A-Za-z0-9]{30,}/,
  /pypi-[A-Za-z0-9_-]{20,}/,
  // Clouds.
  /A(?:KIA|SIA)[A-Z0-9]{16}\b/,
  /AIza[A-Za-z0-9_-]{30,}/,
  /ya29\.[A-Za-z0-9_-]{20,}/,
  /GOCSPX-[A-Za-z0-9_-]{20,}/,
  /do[opr]_v1_[a-f0-9]{40,}/,
  /dapi[a-f0-9]{32}/,
  /hv[sbr]\.[A-Za-z0-9_-]{20,}/,
  // Messages, payments, mail.
  /xox[abeprs]-[A-Za-z0-9-]{10,}/,
  /xapp-[A-Za-z0-9-]{10,}/,
  /\d{8,10}:AA[A-Za-z0-9_-]{30,}/,
  /(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}/,
  /whsec_[A-Za-z0-9+/]{20,}/,
  /shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}/,
  /sq0(?:atp|csp)-[A-Za-z0-9_-]{20,}/,
  /SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}/,
  /SK[0-9a-f]{32}/,
  // Others.
  /lin_api_[A-Za-z0-9]{20,}/,
  /PMAK-[a-f0-9]{24}-[a-f0-9]{30,}/,
  /AGE-SECRET-KEY-1[A-Z0-9]{50,}/,
  /eyJ[A-Za-z0-9_-]{10,512}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}/
]

// Unmistakable formats: tokens, PEM blocks, credentials in headers and URLs.
const forms: ReadonlyArray<readonly [RegExp, string]> = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g, placeholder],
  [new RegExp(`\\b(?:${tokens.map(({ source }) => source).join("|")})`, "g"), placeholder],
  [/(hooks\.slack\.com\/services\/)[A-Za-z0-9/]{20,}/g, `$1${placeholder}`],
  [/\b(Bearer|Basic)[ \t]{1,4}[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${placeholder}`],
  [/(:\/\/[^\s/:@]{1,200}):[^\s/@]{1,200}@/g, `$1:${placeholder}@`]
]

// `NAME=value`, `NAME: value`, and `--name value`, where the name must begin with a dash. Whether the name is that of a secret
// is checked separately.
const assignment =
  /(?:(?<![A-Za-z0-9_-])(-{1,2}[A-Za-z][A-Za-z0-9_-]{1,60})([ \t])|([A-Za-z][A-Za-z0-9_-]{1,60})(=|:[ \t]{0,2}))("[^"\n]*"|'[^'\n]*'|[^\s"'&;|,]+)/g

// `"NAME": "value"`, as in JSON, in JSON within a JSON string, and in Python.
const fields: ReadonlyArray<RegExp> = [
  /(")([A-Za-z][A-Za-z0-9_-]{1,60})"([ \t]{0,2}:[ \t]{0,2})"((?:[^"\\\n]|\\[^\n])*)"/g,
  /(\\{1,7}")([A-Za-z][A-Za-z0-9_-]{1,60})\1([ \t]{0,2}:[ \t]{0,2})\1([^"\\\n]*)\1/g,
  /(')([A-Za-z][A-Za-z0-9_-]{1,60})'([ \t]{0,2}:[ \t]{0,2})'([^'\n]*)'/g
]

const isSecretName = (name: string): boolean => secretName.test(name)

const isSecret = (name: string, value: string): boolean =>
  isSecretName(name) && value !== "" && !value.startsWith(placeholder) && !isCount(name, value) && !isNoValue(value)

const plainText = (value: string): string => {
  const formed = forms.reduce((redacted, [form, replacement]) => redacted.replace(form, replacement), value)
  const assigned = formed.replace(
    assignment,
    (whole, option: string | undefined, blank, name: string | undefined, sign: string, assigned: string) => {
      const assignee = option ?? name ?? ""
      return isSecret(assignee, assigned) ? `${assignee}${blank ?? sign}${placeholder}` : whole
    }
  )
  return fields.reduce(
    (redacted, field) =>
      redacted.replace(field, (whole, quote: string, name: string, sign: string, given: string) =>
        isSecret(name, given) ? `${quote}${name}${quote}${sign}${quote}${placeholder}${quote}` : whole
      ),
    assigned
  )
}

// A run of Base64, which may be wrapped into lines.
const encodedRun = /[A-Za-z0-9+/_-]{24,}(?:\r?\n[A-Za-z0-9+/_-]{4,76})*={0,2}/g

// Decodes Base64 to one character for each byte, which is enough because all patterns are ASCII.
const bytesOf = (encoded: string): string | undefined => {
  const digits = encoded
    .replaceAll(/[\r\n=]/g, "")
    .replaceAll("-", "+")
    .replaceAll("_", "/")
  const whole = digits.length % 4 === 1 ? digits.slice(0, -1) : digits
  return Result.getOrUndefined(Result.try(() => atob(whole)))
}

const encodedText = (run: string): string => {
  const bytes = bytesOf(run)
  return bytes === undefined || plainText(bytes) === bytes ? run : placeholder
}

/**
 * Redacts free text: known formats of secrets, values assigned to a secret's name, and Base64 of a text that contains either.
 *
 * @category redaction
 * @since 0.1.0
 */
export const text = (value: string): string => plainText(value).replace(encodedRun, encodedText)

/**
 * Redacts a value that consists of Base64: decodes it, redacts it like {@link text}, and encodes it again.
 *
 * @category redaction
 * @since 0.1.0
 */
export const base64 = (value: string): string => {
  const bytes = bytesOf(value)
  if (bytes === undefined) return text(value)
  const redacted = text(bytes)
  return redacted === bytes ? value : btoa(redacted)
}

/**
 * Redacts a JSON value: each string like {@link text}, strings under a name that ends in `Base64` like {@link base64}, and
 * strings under a secret's name completely. Names that contain a secret are redacted too.
 *
 * @category redaction
 * @since 0.1.0
 */
export const value = (input: unknown): unknown => {
  if (typeof input === "string") return text(input)
  if (Array.isArray(input)) return input.map(value)
  if (!Predicate.isReadonlyObject(input)) return input
  return Object.fromEntries(
    Object.entries(input).map(([key, field]) => [
      key.length < shortestSecret ? key : text(key),
      typeof field === "string" ? fieldText(key, field) : value(field)
    ])
  )
}

// Names of variables and headers are arbitrary text, so they can contain secrets too.
const shortestSecret = 15

const fieldText = (key: string, field: string): string => {
  if (field !== "" && isSecretName(key)) return placeholder
  return key.endsWith("Base64") ? base64(field) : text(field)
}

/**
 * Redacts one line of JSON. A line that is not JSON is redacted like {@link text}.
 *
 * @category redaction
 * @since 0.1.0
 */
export const json = (line: string): string =>
  Result.match(
    Result.try((): unknown => JSON.parse(line)),
    {
      onFailure: () => text(line),
      onSuccess: (parsed) => JSON.stringify(value(parsed))
    }
  )
