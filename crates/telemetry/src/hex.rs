//! Lower-case hexadecimal without the formatter: ids are written for each request, and the formatter takes ten times as long.

/// Two digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    push(&mut text, bytes);
    text
}

/// Appends two digits a byte.
pub(crate) fn push(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_the_formatter_writes_it() {
        let id = 0x00f0_67aa_0ba9_02b7_u64;
        assert_eq!(super::hex(&id.to_be_bytes()), format!("{id:016x}"));
    }
}
