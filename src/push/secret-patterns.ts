export interface SecretPattern {
  readonly kind: string;
  /** How one begins, in ASCII. */
  readonly begins: readonly string[];
  /** The whole of one, from there. */
  readonly pattern: RegExp;
  /** What has the form, but is none. */
  readonly unless?: RegExp;
  /** Whether one may begin in the middle of a word. */
  readonly inWords?: boolean;
}

/** No pattern looks at more characters. */
export const MAX_SECRET_LENGTH = 512;

/**
 * Secrets as those who give them out write them. Prefix, alphabet and length are asked for: vocabularies of hundreds of
 * thousands of words hold every prefix alone.
 */
export const SECRET_PATTERNS: readonly SecretPattern[] = [
  {
    kind: "a Hugging Face token",
    begins: ["hf_", "api_org_"],
    pattern: /(hf|api_org)_[A-Za-z0-9]{30}|hf_(oauth|jwt)_[\w.-]{30}/y,
  },
  {
    kind: "an API key (sk-…)",
    begins: ["sk-"],
    // Names of classes and models have - and _ too; letters, capitals and digits are not mixed as much in them.
    pattern:
      /sk-([A-Za-z0-9]{20}|(ant|proj|svcacct|admin|None|or|lf)-[\w-]{20}|(?=[\w-]{0,60}[a-z][A-Z])(?=[\w-]{0,60}[A-Za-z]\d)((?=[\w-]{0,60}\d[A-Za-z])[\w-]{20}|[\w-]{40}))/y,
  },
  {
    kind: "a GitHub token",
    begins: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
    pattern: /gh[pousr]_[A-Za-z0-9]{30}|github_pat_\w{22}/y,
  },
  { kind: "a GitLab token", begins: ["glpat-"], pattern: /glpat-[\w-]{20}/y },
  {
    kind: "an AWS access key",
    begins: ["AKIA", "ASIA"],
    pattern: /(AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])/y,
  },
  {
    kind: "an AWS secret key",
    begins: ["SECRET_ACCESS_KEY", "secret_access_key", "ecretAccessKey"],
    // JSON inside of JSON has \" for ", and \\/ for /.
    pattern: /\w+(\\?["'])?\s{0,4}[=:]\s{0,4}(\\?["'])?[\w/+]{40}(?![\w/+])/y,
    inWords: true,
  },
  {
    kind: "a private key",
    // Of OpenSSL and others, of SSH2, of PuTTY (which has the public half before it).
    begins: ["-----BEGIN ", "---- BEGIN ", "Private-Lines: "],
    pattern:
      /----(-| )BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?(-| )----|Private-Lines: \d{1,4}(\s|\\[rn]){1,8}[\w/+]{20}/y,
    inWords: true,
  },
  {
    kind: "an address with a password",
    begins: ["://", ":\\"],
    // Neither half has spaces, control characters, quotes, / or @: compressed bytes would be found else.
    pattern:
      /:(\\{0,3}\/){2}[!#-&(-.0-9;=?A-_a-~\x80-\xff]{0,100}:[!#-&(-.0-?A-_a-~\x80-\xff]{1,200}@[A-Za-z0-9[]/y,
    // https://$USER:$TOKEN@…, https://{user}:{token}@… and the like are templates, if that is the whole password.
    unless:
      /:(\\{0,3}\/){2}[^\s/:@"'<>`]{0,100}:(\$?\{{1,2}[^\s{}@]{0,100}\}{1,2}|(<|\\u003c|%3C)[^\s<>@]{0,100}(>|\\u003e|%3E)|%7B[^\s@]{0,100}%7D|\[[^\s[\]@]{0,100}\]|%s|%\(\w{1,100}\)s|%[A-Z_]{1,100}%|\$[A-Z_][A-Z0-9_]{0,100}|\*{1,200})@/y,
    inWords: true,
  },
  {
    kind: "a Slack token",
    begins: ["xoxa-", "xoxb-", "xoxe-", "xoxp-", "xoxr-", "xoxs-", "xapp-"],
    pattern: /(xox[abeprs]|xapp-\d)-[A-Za-z0-9-]{10}/y,
  },
  {
    kind: "a Google key",
    begins: ["AIza", "GOCSPX-", "ya29."],
    pattern: /AIza[\w-]{35}(?![\w-])|GOCSPX-[\w-]{28}|ya29\.[\w-]{30}/y,
  },
  { kind: "a Stripe key", begins: ["sk_live_", "rk_live_"], pattern: /[sr]k_live_[A-Za-z0-9]{20}/y },
  {
    kind: "a package registry's token",
    begins: ["npm_", "pypi-AgE"],
    pattern: /npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])|pypi-AgE[\w-]{50}/y,
  },
  {
    kind: "an Azure key",
    begins: ["AccountKey="],
    pattern: /AccountKey=[A-Za-z0-9/+]{86}==/y,
    inWords: true,
  },
];

/** A token is longer; what is shorter may be a word. */
const MIN_TOKEN_LENGTH = 8;

/** Tokens in use, which are sought whatever they look like. */
export function tokenPattern(tokens: readonly string[]): SecretPattern {
  const begins = tokens.filter(({ length }) => length >= MIN_TOKEN_LENGTH && length <= MAX_SECRET_LENGTH);
  const texts = begins.map((token) => token.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  return {
    kind: "the access token in use",
    begins,
    pattern: new RegExp(texts.join("|"), "y"),
    inWords: true,
  };
}
