//! Puts environment variables into the text before it is parsed, as the OpenTelemetry Collector does: `${env:X}`,
//! `${env:X:-default}`, and `$$` for a dollar. Lines that are comments are left alone. Line numbers stay the same: a value
//! with a line break is refused.

/// Expands `text`. Errors carry the line, from 1.
pub(super) fn expand(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<String, (usize, String)> {
    let mut out = String::with_capacity(text.len());
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if line.trim_start().starts_with('#') {
            out.push_str(line);
        } else {
            expand_line(line, &variable, &mut out).map_err(|message| (index + 1, message))?;
        }
    }
    Ok(out)
}

fn expand_line(line: &str, variable: impl Fn(&str) -> Option<String>, out: &mut String) -> Result<(), String> {
    let mut rest = line;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(inside) = rest.strip_prefix('{') {
            let end = inside.find('}').ok_or("${ without a closing }")?;
            out.push_str(&value(&inside[..end], &variable)?);
            rest = &inside[end + 1..];
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    Ok(())
}

fn value(reference: &str, variable: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let Some(inside) = reference.strip_prefix("env:") else {
        return Err(format!("unknown reference ${{{reference}}}: did you mean ${{env:{reference}}}?"));
    };
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default.to_owned())),
        None => (inside, None),
    };
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(valid) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("{name:?} is not the name of an environment variable"));
    }
    let value = variable(name).filter(|value| !value.is_empty()).or(default);
    match value {
        Some(value) if value.contains('\n') => Err(format!("environment variable {name} holds a line break")),
        Some(value) => Ok(value),
        None => Err(format!("environment variable {name} is not set: set it or write ${{env:{name}:-default}}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand_with_port(text: &str) -> Result<String, (usize, String)> {
        expand(text, |name| (name == "PORT").then(|| "4317".to_owned()))
    }

    #[test]
    fn references_defaults_and_dollars() {
        let text = "a: h:${env:PORT}\n# ${env:NO}\nb: ${env:NO:-x y} $$ $5";
        assert_eq!(expand_with_port(text).expect("valid"), "a: h:4317\n# ${env:NO}\nb: x y $ $5");
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, line, hint) in [
            ("a: 1\nb: ${env:NO}", 2, "NO is not set"),
            ("a: ${PORT}", 1, "did you mean ${env:PORT}"),
            ("\n\na: ${env:PORT", 3, "closing"),
            ("a: ${env:A B}", 1, "not the name"),
        ] {
            let (at, message) = expand_with_port(text).expect_err(text);
            assert!(at == line && message.contains(hint), "{text}: {at} {message}");
        }
    }
}
