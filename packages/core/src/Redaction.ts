/**
 * Takes out of a text what looks like a secret, before it is shown, logged or written down.
 *
 * It knows the forms that secrets commonly have and the names that they commonly go by. It is a net under those who are
 * careful, and no promise: a password that looks like a word stays. All patterns run in linear time.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"

/**
 * What stands in the place of a secret.
 *
 * @category constants
 * @since 0.1.0
 */
export const placeholder = "[redacted]"

const secretName =
  /(?:api[_-]?key|access[_-]?key|secret|token|passw(?:or)?d|passphrase|authorization|credential|cookie|private[_-]?key)s?$/i

// Tokens are also counted: a number under such a name is no secret. The words have to stand alone, as in `maxTokens` or
// `input_tokens`, and not inside of another one, as in `ACCOUNT` or `MAXMIND`.
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

// In source code a type follows such a name, in settings the word for nothing, in a header the scheme.
const isNoValue = (value: string): boolean =>
  /^(?:string|String|str|number|boolean|bool|null|nil|None|undefined|true|false|Bearer|Basic)[);]*$/.test(value)

// Forms that say what they are: keys of known services, JSON web tokens, PEM blocks, credentials in headers and URLs.
const forms: ReadonlyArray<readonly [RegExp, string]> = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g, placeholder],
  [/\b(?:sk|pk|rk)-[A-Za-z0-9_-]{12,}/g, placeholder],
  [/\bgh[pousr]_[A-Za-z0-9]{20,}/g, placeholder],
  [/\bgithub_pat_[A-Za-z0-9_]{20,}/g, placeholder],
  [/\bglpat-[A-Za-z0-9_-]{16,}/g, placeholder],
  [/\bxox[abeprs]-[A-Za-z0-9-]{10,}/g, placeholder],
  [/\bA(?:KIA|SIA)[A-Z0-9]{16}\b/g, placeholder],
  [/\bAIza[A-Za-z0-9_-]{30,}/g, placeholder],
  [/\bnpm_[A-Za-z0-9]{30,}/g, placeholder],
  [/\beyJ[A-Za-z0-9_-]{10,512}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}/g, placeholder],
  [/\b(Bearer|Basic)[ \t]{1,4}[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${placeholder}`],
  [/(:\/\/[^\s/:@]{1,200}):[^\s/@]{1,200}@/g, `$1:${placeholder}@`]
]

// `NAME=value`, `NAME: value`, and `--name value`, where a dash has to begin the name; whether it is a secret's is looked at
// apart.
const assignment =
  /(?:(?<![A-Za-z0-9_-])(-{1,2}[A-Za-z][A-Za-z0-9_-]{1,60})([ \t])|([A-Za-z][A-Za-z0-9_-]{1,60})(=|:[ \t]{0,2}))("[^"\n]*"|'[^'\n]*'|[^\s"'&;|,]+)/g

const isSecretName = (name: string): boolean => secretName.test(name)

/**
 * Redacts free text: known forms of secrets, and values that are assigned to a secret's name.
 *
 * @category redaction
 * @since 0.1.0
 */
export const text = (value: string): string => {
  const formed = forms.reduce((redacted, [form, replacement]) => redacted.replace(form, replacement), value)
  return formed.replace(
    assignment,
    (whole, option: string | undefined, blank, name: string | undefined, sign: string, assigned: string) => {
      const assignee = option ?? name ?? ""
      if (!isSecretName(assignee) || assigned.startsWith(placeholder)) return whole
      if (isCount(assignee, assigned) || isNoValue(assigned)) return whole
      return `${assignee}${blank ?? sign}${placeholder}`
    }
  )
}

/**
 * Redacts a JSON value: each string as {@link text} does, and strings under a secret's name as a whole.
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
      key,
      typeof field === "string" && field !== "" && isSecretName(key) ? placeholder : value(field)
    ])
  )
}

/**
 * Redacts one line of JSON; a line that is none, as {@link text} does.
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
