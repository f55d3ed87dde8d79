//! How the names of providers and models are compared.

/// The provider's name by OpenTelemetry's conventions, from the names that SDKs and proxies use for it.
///
/// Lower-cased; a name that is in no table is kept.
pub(super) fn provider(name: &str) -> String {
    let lower = name.trim().to_ascii_lowercase();
    let canonical = match lower.as_str() {
        "gemini"
        | "google"
        | "google.generative-ai"
        | "google-gla"
        | "gcp.gen_ai"
        | "generativelanguage.googleapis.com" => "gcp.gemini",
        "vertex_ai" | "google.vertex" | "google-vertex" => "gcp.vertex_ai",
        "az.ai.openai" | "azure" | "azure-openai" => "azure.ai.openai",
        "az.ai.inference" | "azure_ai" => "azure.ai.inference",
        "xai" | "x-ai" => "x_ai",
        "mistral" | "mistralai" => "mistral_ai",
        "bedrock" | "aws" | "amazon" | "amazon-bedrock" => "aws.bedrock",
        "together" | "togetherai" => "together_ai",
        "fireworks" => "fireworks_ai",
        "perplexity-ai" => "perplexity",
        other => other,
    };
    canonical.to_owned()
}

/// Lower case, without `models/`, a vendor or a resource path in front.
pub(super) fn model(name: &str) -> String {
    let name = name.trim();
    name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase()
}

/// The name without a date or a three-digit version at its end; `None` when it has none.
///
/// Known ends: `-2025-08-07`, `-20250807`, `@20250807`, `-09-2025`, `-05-20`, `-002`.
pub(super) fn undated(name: &str) -> Option<&str> {
    const ENDS: [&str; 6] = ["-####-##-##", "-########", "@########", "-##-####", "-##-##", "-###"];
    ENDS.iter().find_map(|end| {
        let at = name.len().checked_sub(end.len()).filter(|at| *at > 0)?;
        let tail = name.get(at..)?;
        let fits = tail.bytes().zip(end.bytes()).all(|(byte, shape)| match shape {
            b'#' => byte.is_ascii_digit(),
            _ => byte == shape,
        });
        fits.then(|| &name[..at])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_meet_in_one_form() {
        assert_eq!(provider("Google"), "gcp.gemini");
        assert_eq!(provider("acme"), "acme");
        assert_eq!(model("models/Gemini-2.5-Flash"), "gemini-2.5-flash");
        assert_eq!(model("publishers/google/models/gemini-2.5-pro"), "gemini-2.5-pro");
    }

    #[test]
    fn dates_and_versions_come_off() {
        for name in ["m-2025-08-07", "m-20250807", "m@20250807", "m-09-2025", "m-05-20", "m-002"] {
            assert_eq!(undated(name), Some("m"), "{name}");
        }
        for name in ["gemini-2.5-pro", "m-8b", "-001", "m-1234", ""] {
            assert_eq!(undated(name), None, "{name}");
        }
    }
}
