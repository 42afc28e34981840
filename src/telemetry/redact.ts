/** Takes the password out of a URL, and named secrets out of it. Anything else stays. */
export function redactUrl(text: string): string {
  return text
    .replace(URL_PASSWORD, `$1${REDACTED}@`)
    .replace(QUERY_KEY, `$1${REDACTED}`)
    .replace(NAMED_SECRET, `$1${REDACTED}`)
}

/** Takes out of a free text what has the form of a secret: URL passwords, bearer and chat tokens, private keys. */
export function redactText(text: string): string {
  return redactUrl(text)
    .replace(AUTHORIZATION, `$1 ${REDACTED}`)
    .replace(CHAT_TOKEN, REDACTED)
    .replace(PRIVATE_KEY, REDACTED)
}

/** One field of something that may be logged or shown; made to be the reviver of `JSON.parse`. */
export function redactField(name: string, value: unknown): unknown {
  if (SECRET_NAME.test(name) && value !== null) return REDACTED
  return typeof value === 'string' ? redactText(value) : value
}

const REDACTED = '[redacted]'

/** Fields whose value is never shown, by name. `parameters` and `args` are what a failed query was given. */
const SECRET_NAME =
  /authorization|password|passwd|passphrase|secret|token|cookie|credential|private.?key|api.?key|scram|^(parameters|args)$/i

const URL_PASSWORD = /([a-z][a-z0-9+.-]{0,30}:\/\/[^\s/@:]{0,200}:)[^\s/?#]{1,500}@/gi
const QUERY_KEY = /([?&][\w-]{0,40}key=)[^\s&#"]+/gi
/** `password=…` in a URL or a connection string, `"clientSecret":"…"` in JSON. */
const NAMED_SECRET = /((?:password|token|secret|signature)["']?[=:]["']?)[^\s&#"',;}]+/gi
const AUTHORIZATION = /\b(bearer|basic)\s+[\w+/.=~-]{8,}/gi
const CHAT_TOKEN = /\bx(?:ox[a-z]|app)-[\w-]{6,}/g
const PRIVATE_KEY =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)|PRIVATE\+KEY\+\S+/g
