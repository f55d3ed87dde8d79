//! What may be told of a command: its name, the patterns of its keys, and whether the keys were there.

use redis::{Arg, Cmd, Value};

/// Longest first segment of a key that counts as the name of its kind.
const KIND_MAX: usize = 32;

/// Longest command name; the longest of Redis has 20 letters.
const NAME_MAX: usize = 32;

/// Where the keys of a command stand.
enum Keys {
    None,
    First,
    All,
    /// Every second argument: `MSET key value key value`.
    Pairs,
    /// After their number: `EVAL script 2 key key …`.
    Counted,
    /// After the word `MATCH`.
    Matched,
}

fn keys_of(name: &str) -> Keys {
    match name {
        "MGET" | "DEL" | "UNLINK" | "EXISTS" | "TOUCH" | "WATCH" | "SINTER" | "SUNION" | "SDIFF" => Keys::All,
        "MSET" | "MSETNX" => Keys::Pairs,
        "EVAL" | "EVALSHA" | "EVAL_RO" | "EVALSHA_RO" | "FCALL" | "FCALL_RO" => Keys::Counted,
        "SCAN" => Keys::Matched,
        "KEYS" => Keys::First,
        "PING" | "ECHO" | "AUTH" | "HELLO" | "SELECT" | "INFO" | "MULTI" | "EXEC" | "DISCARD" | "UNWATCH"
        | "SCRIPT" | "FUNCTION" | "CLIENT" | "CONFIG" | "COMMAND" | "DBSIZE" | "FLUSHDB" | "FLUSHALL" | "TIME"
        | "WAIT" | "ROLE" | "CLUSTER" | "ACL" | "PUBLISH" | "SPUBLISH" | "SUBSCRIBE" | "PSUBSCRIBE" | "UNSUBSCRIBE"
        | "PUNSUBSCRIBE" | "QUIT" | "RESET" | "DEBUG" | "SLOWLOG" | "LATENCY" | "MONITOR" | "SHUTDOWN" | "SWAPDB"
        | "LASTSAVE" | "SAVE" | "BGSAVE" | "MEMORY" | "OBJECT" => Keys::None,
        _ => Keys::First,
    }
}

/// The command's name in capitals; what is no name is called `OTHER`.
pub(super) fn name(command: &Cmd) -> String {
    let first = command.args_iter().next();
    let name = match &first {
        Some(Arg::Simple(name)) if name.len() <= NAME_MAX => std::str::from_utf8(name).ok(),
        _ => None,
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '.' || letter == '_';
    match name {
        Some(name) if !name.is_empty() && name.chars().all(plain) => name.to_ascii_uppercase(),
        _ => "OTHER".to_owned(),
    }
}

/// The pattern that all keys of the command share, `*` when they differ; `None` for commands without keys.
pub(super) fn pattern(command: &Cmd, name: &str, prefixes: &[String]) -> Option<String> {
    let arguments = || {
        command
            .args_iter()
            .skip(1)
            .filter_map(|argument| if let Arg::Simple(bytes) = argument { Some(bytes) } else { None })
    };
    match keys_of(name) {
        Keys::None => None,
        Keys::First => shared(arguments().take(1), prefixes),
        Keys::All => shared(arguments(), prefixes),
        Keys::Pairs => shared(arguments().step_by(2), prefixes),
        Keys::Counted => {
            let count = arguments().nth(1).and_then(|count| std::str::from_utf8(count).ok()?.parse().ok()).unwrap_or(0);
            shared(arguments().skip(2).take(count), prefixes)
        }
        Keys::Matched => {
            let at = arguments().position(|argument| argument.eq_ignore_ascii_case(b"MATCH"))?;
            shared(arguments().skip(at + 1).take(1), prefixes)
        }
    }
}

fn shared<'a>(mut keys: impl Iterator<Item = &'a [u8]>, prefixes: &[String]) -> Option<String> {
    let first = pattern_of(keys.next()?, prefixes);
    Some(if keys.all(|key| pattern_of(key, prefixes) == first) { first } else { "*".to_owned() })
}

/// `session:4f9c…` → `session:*`. Of a key only its first segment is told, and only when it is a word: no digits, since those make ids.
fn pattern_of(key: &[u8], prefixes: &[String]) -> String {
    let known = prefixes.iter().filter(|prefix| key.starts_with(prefix.as_bytes())).max_by_key(|prefix| prefix.len());
    if let Some(prefix) = known {
        return format!("{prefix}*");
    }
    let word = |kind: &&str| {
        kind.len() <= KIND_MAX
            && !kind.is_empty()
            && kind.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_-.".contains(&byte))
    };
    let kind = key
        .iter()
        .position(|byte| *byte == b':')
        .and_then(|colon| std::str::from_utf8(&key[..colon]).ok())
        .filter(word);
    kind.map_or_else(|| "*".to_owned(), |kind| format!("{kind}:*"))
}

/// Keys that a look-up found and did not find; `None` for commands that look nothing up.
pub(super) fn looked_up(name: &str, value: &Value) -> Option<(u64, u64)> {
    let one = |hit: bool| Some((u64::from(hit), u64::from(!hit)));
    match (name, value) {
        (_, Value::ServerError(_)) => None,
        ("GET" | "GETEX" | "GETDEL" | "HGET" | "LINDEX" | "LPOP" | "RPOP" | "JSON.GET", value) => {
            one(*value != Value::Nil)
        }
        ("MGET" | "HMGET", Value::Array(values)) => {
            let misses = values.iter().filter(|value| **value == Value::Nil).count() as u64;
            Some((values.len() as u64 - misses, misses))
        }
        ("HGETALL" | "LRANGE" | "SMEMBERS", Value::Array(values)) => one(!values.is_empty()),
        ("HGETALL", Value::Map(pairs)) => one(!pairs.is_empty()),
        ("SMEMBERS", Value::Set(values)) => one(!values.is_empty()),
        ("EXISTS", Value::Int(found)) => one(*found > 0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &str, expected_name: &str, expected_pattern: Option<&str>) {
        let mut parts = words.split(' ');
        let mut command = redis::cmd(parts.next().expect("a name"));
        for part in parts {
            command.arg(part);
        }
        let name = name(&command);
        assert_eq!(name, expected_name, "{words}");
        assert_eq!(pattern(&command, &name, &["lock:workflow:".to_owned()]).as_deref(), expected_pattern, "{words}");
    }

    #[test]
    fn patterns_tell_no_keys() {
        check("GET session:4f9c", "GET", Some("session:*"));
        check("get session:4f9c:messages", "GET", Some("session:*"));
        check("SET user42:x 1", "SET", Some("*"));
        check("SET alice secret", "SET", Some("*"));
        check("MGET session:1 session:2", "MGET", Some("session:*"));
        check("DEL session:1 job:2", "DEL", Some("*"));
        check("MSET a:1 secret:value a:2 x:y", "MSET", Some("a:*"));
        check("EVALSHA 0123 1 lock:workflow:9 token:secret", "EVALSHA", Some("lock:workflow:*"));
        check("EVAL return 0", "EVAL", None);
        check("SCAN 0 MATCH session:* COUNT 10", "SCAN", Some("session:*"));
        check("AUTH hunter2", "AUTH", None);
        check("PING", "PING", None);
        check("sk-secret-value session:1", "OTHER", Some("session:*"));
    }

    #[test]
    fn hits_and_misses() {
        let text = || Value::BulkString(b"x".to_vec());
        assert_eq!(looked_up("GET", &Value::Nil), Some((0, 1)));
        assert_eq!(looked_up("GET", &text()), Some((1, 0)));
        assert_eq!(looked_up("MGET", &Value::Array(vec![text(), Value::Nil, text()])), Some((2, 1)));
        assert_eq!(looked_up("EXISTS", &Value::Int(0)), Some((0, 1)));
        assert_eq!(looked_up("SET", &Value::Okay), None);
    }
}
