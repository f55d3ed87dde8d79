//! Secrets that are none: one of each format that redaction knows, made up anew from a seed, so that none stands in the repository.

/// One made-up secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// Whose format it has.
    pub name: &'static str,
    /// The text that must not be found anywhere.
    pub secret: String,
    /// A piece of running text that holds it; formats without a shape of their own need their name beside them.
    pub text: String,
    /// A name of an attribute or field under which it would stand. For formats with a shape any name would do.
    pub key: &'static str,
}

/// Name, secret, text around it, name of the attribute. In the secret `A9` stands for letters and digits, `Az` for letters, `x` for
/// lower-case hex, `U` for upper-case letters and digits, `6` for base64 of URLs, `9` for digits: `<A9:36>` are 36 of them. In the
/// text `@@` stands for the secret.
const FORMATS: &[(&str, &str, &str, &str)] = &[
    ("google api key", "AIza<6:35>", "@@", "note"),
    ("google access token", "ya29.<6:60>", "@@", "note"),
    ("google client secret", "GOCSPX-<6:28>", "@@", "note"),
    ("google refresh token", "1//0<6:60>", "@@", "note"),
    ("openai key", "sk-<A9:48>", "@@", "note"),
    ("openai project key", "sk-proj-<6:74>T3BlbkFJ<6:74>", "@@", "note"),
    ("openai session", "sess-<A9:40>", "@@", "note"),
    ("anthropic", "sk-ant-api03-<6:93>AA", "@@", "note"),
    ("openrouter", "sk-or-v1-<x:64>", "@@", "note"),
    ("langfuse", "sk-lf-<x:8>-<x:4>-<x:4>-<x:4>-<x:12>", "@@", "note"),
    ("groq", "gsk_<A9:52>", "@@", "note"),
    ("xai", "xai-<A9:80>", "@@", "note"),
    ("perplexity", "pplx-<A9:48>", "@@", "note"),
    ("replicate", "r8_<A9:37>", "@@", "note"),
    ("nvidia", "nvapi-<6:64>", "@@", "note"),
    ("hugging face", "hf_<A9:34>", "@@", "note"),
    ("hugging face organisation", "api_org_<A9:34>", "@@", "note"),
    ("mistral", "<A9:32>", "MISTRAL_API_KEY=@@", "mistral_api_key"),
    ("cohere", "<A9:40>", "{\"cohere_api_key\": \"@@\"}", "cohere.api-key"),
    ("airtable token", "pat<A9:14>.<x:64>", "@@", "note"),
    ("airtable key", "key<A9:2>7k<A9:2>Q2x9<A9:2>B4", "@@", "note"),
    ("aws access key", "AKIA<U:16>", "@@", "note"),
    ("aws session key", "ASIA<U:16>", "@@", "note"),
    ("aws secret key", "<A9:20>/<A9:19>", "aws_secret_access_key = @@", "aws.secret_access_key"),
    ("alibaba", "LTAI<A9:19>5", "@@", "note"),
    ("github", "ghp_<A9:36>", "@@", "note"),
    ("github oauth", "gho_<A9:36>", "@@", "note"),
    ("github user", "ghu_<A9:36>", "@@", "note"),
    ("github server", "ghs_<A9:36>", "@@", "note"),
    ("github refresh", "ghr_<A9:36>", "@@", "note"),
    ("github fine-grained", "github_pat_<A9:22>_<A9:59>", "@@", "note"),
    ("gitlab", "glpat-<6:20>", "@@", "note"),
    ("gitlab runner", "glrt-<6:20>", "@@", "note"),
    ("slack bot", "xoxb-<9:12>-<9:12>-<A9:24>", "@@", "note"),
    ("slack app", "xapp-1-<U:11>-<9:13>-<x:64>", "@@", "note"),
    ("slack webhook", "<U:8>9/B<U:9>/<A9:24>", "https://hooks.slack.com/services/T@@", "slack.webhook_secret"),
    ("stripe", "sk_live_<A9:24>", "@@", "note"),
    ("stripe restricted", "rk_test_<A9:24>", "@@", "note"),
    ("stripe webhook", "whsec_<A9:32>", "@@", "note"),
    ("sendgrid", "SG.<6:22>.<6:43>", "@@", "note"),
    ("twilio key", "SK<x:32>", "@@", "note"),
    ("twilio token", "<x:32>", "TWILIO_AUTH_TOKEN: @@", "twilio.auth_token"),
    ("telegram", "<9:10>:AA<6:33>", "@@", "note"),
    ("npm", "npm_<A9:36>", "@@", "note"),
    ("pypi", "pypi-AgEIcHlwaS5vcmc<6:80>", "@@", "note"),
    ("docker", "dckr_pat_<6:27>", "@@", "note"),
    ("digitalocean", "dop_v1_<x:64>", "@@", "note"),
    ("grafana", "glsa_<A9:32>_<x:8>", "@@", "note"),
    ("vault", "hvs.<A9:90>", "@@", "note"),
    ("shopify", "shpat_<x:32>", "@@", "note"),
    (
        "azure account key",
        "<A9:86>==",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=@@;EndpointSuffix=x",
        "AccountKey",
    ),
    ("azure signature", "<A9:42>%3D", "https://a.blob.example/c/b?sv=2024-01-01&sig=@@&se=2026", "x-amz-signature"),
    ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi<6:40>.<6:43>", "@@", "note"),
    ("bearer", "<A9:24>", "curl -H 'Authorization: Bearer @@'", "http.request.header.authorization"),
    ("basic", "dXNlcjpwYXNzd29yZDEyMzQ1Ng==", "Basic @@", "Proxy-Authorization"),
    ("api key header", "<A9:20>", "x-api-key: @@", "http.request.header.x-api-key"),
    ("url credentials", "app:<A9:16>", "postgres://@@@db.example:5432/shop", "db.password"),
    ("redis password", ":<A9:16>", "redis://@@@cache.example:6379/0", "redis.password"),
    ("query parameter", "<A9:20>", "https://api.example/v1/x?alt=json&key=@@&z=1", "api_key"),
    ("url token", "<A9:20>", "GET /callback?access_token=@@ HTTP/1.1", "access_token"),
    ("password", "<Az:12>", "connect host=db password=@@ dbname=x", "PASSWORD"),
    ("json password", "<Az:9> <Az:4>", "{\"user\":\"a\",\"password\":\"@@\"}", "user.passwd"),
    ("cookie", "sid=<A9:24>; theme=dark", "Cookie: @@", "http.request.header.cookie"),
    ("client secret", "<A9:6>~<A9:30>", "client_secret=@@&grant_type=x", "azure.client_secret"),
    (
        "private key",
        "MIIE<A9:60>",
        "-----BEGIN RSA PRIVATE KEY-----\n@@\n-----END RSA PRIVATE KEY-----",
        "tls.private_key",
    ),
];

/// All of them, the same for the same seed.
pub fn all(seed: u64) -> Vec<Canary> {
    // SplitMix64: enough to make up letters.
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let make = |&(name, format, text, key): &(&'static str, &str, &str, &'static str)| {
        let secret = expand(format, &mut next);
        Canary { name, text: text.replacen("@@", &secret, 1), secret, key }
    };
    FORMATS.iter().map(make).collect()
}

fn expand(format: &str, next: &mut impl FnMut() -> u64) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some((head, tail)) = rest.split_once('<') {
        out.push_str(head);
        let (what, tail) = tail.split_once('>').expect("each < of the table is closed");
        let (set, count) = what.split_once(':').expect("each <…> of the table has a count");
        let alphabet: &[u8] = match set {
            "A9" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "Az" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            "x" => b"0123456789abcdef",
            "U" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
            "6" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
            _ => b"0123456789",
        };
        for _ in 0..count.parse().unwrap_or(0) {
            out.push(char::from(alphabet[(next() % alphabet.len() as u64) as usize]));
        }
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_sixty_and_all_differ() {
        let canaries = all(1);
        assert!(canaries.len() >= 60, "{}", canaries.len());
        assert_eq!(canaries, all(1));
        assert_ne!(canaries, all(2));
        for canary in &canaries {
            assert!(canary.text.contains(&canary.secret), "{}", canary.name);
            assert_eq!(canaries.iter().filter(|other| other.secret == canary.secret).count(), 1, "{}", canary.name);
        }
    }
}
