/** Tokens in the forms that services give them, none of them real, and put together so that no scanner takes them for real ones. */
const letters = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5kL7nP9rS1uV3xY5zA7cD9fG1iK3"

const of = (length: number): string => letters.slice(0, length)
const hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/** By the service. */
export const secrets: Readonly<Record<string, string>> = {
  OpenAI: `sk-proj-${of(40)}`,
  Anthropic: `sk-ant-api03-${of(40)}`,
  "Hugging Face": `hf_${of(34)}`,
  GitHub: `ghp_${of(36)}`,
  "GitHub, fine-grained": `github_pat_${of(60)}`,
  GitLab: `glpat-${of(20)}`,
  npm: `npm_${of(36)}`,
  PyPI: `pypi-AgEIcHlwaS5vcmc${of(40)}`,
  AWS: "AKIAQWERTYUIOPASDFGH",
  "Google, key": `AIza${of(35)}`,
  "Google, OAuth": `ya29.${of(60)}`,
  DigitalOcean: `dop_v1_${hex}`,
  Databricks: `dapi${hex.slice(0, 32)}`,
  Vault: `hvs.${of(24)}`,
  Slack: `xoxb-1234567890-${of(24)}`,
  "Slack, app": `xapp-1-${of(30)}`,
  Telegram: `123456789:AA${of(33)}`,
  Stripe: `sk_live_${of(24)}`,
  "Stripe, webhook": `whsec_${of(32)}`,
  Shopify: `shpat_${hex.slice(0, 32)}`,
  SendGrid: `SG.${of(22)}.${of(43)}`,
  Twilio: `SK${hex.slice(0, 32)}`,
  Linear: `lin_api_${of(40)}`,
  Postman: `PMAK-${hex.slice(0, 24)}-${hex.slice(0, 34)}`,
  "JSON web token": `eyJhbGciOiJIUzI1NiJ9.${of(30)}.${of(20)}`
}

/** A private key, which has several lines. */
export const privateKey = `-----BEGIN OPENSSH PRIVATE KEY-----\n${of(60)}\n${of(60)}\n-----END OPENSSH PRIVATE KEY-----`

/** A secret that only its name gives away. */
export const password = "correct-horse-7"
