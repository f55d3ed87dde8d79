//! Writes protobuf messages into one buffer.

/// Builds one message; nested messages are written in place and their length filled in afterwards.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// An empty message.
    pub fn new() -> Self {
        Self::default()
    }

    /// The finished message.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// True before the first field.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Writes a varint field.
    pub fn varint(&mut self, field: u32, number: u64) -> &mut Self {
        self.tag(field, 0);
        self.raw_varint(number);
        self
    }

    /// Writes a fixed64 field.
    pub fn fixed64(&mut self, field: u32, number: u64) -> &mut Self {
        self.tag(field, 1);
        self.out.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// Writes a fixed32 field.
    pub fn fixed32(&mut self, field: u32, number: u32) -> &mut Self {
        self.tag(field, 5);
        self.out.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// Writes a double field.
    pub fn double(&mut self, field: u32, number: f64) -> &mut Self {
        self.fixed64(field, number.to_bits())
    }

    /// Writes a bytes field.
    pub fn bytes(&mut self, field: u32, bytes: &[u8]) -> &mut Self {
        self.tag(field, 2);
        self.raw_varint(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
        self
    }

    /// Writes a string field.
    pub fn str(&mut self, field: u32, text: &str) -> &mut Self {
        self.bytes(field, text.as_bytes())
    }

    /// Writes a nested message that `fill` writes.
    pub fn message(&mut self, field: u32, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.begin(field);
        fill(self);
        self.end(start);
        self
    }

    /// Begins a nested message (or packed field) whose content is written until [`Writer::end`] is called with the answer.
    pub fn begin(&mut self, field: u32) -> usize {
        self.tag(field, 2);
        // Most messages are shorter than 128 bytes: room for a length of one byte saves the move in `end`.
        self.out.push(0);
        self.out.len()
    }

    /// Ends the message that began at `start`.
    pub fn end(&mut self, start: usize) {
        let mut prefix = [0u8; 10];
        let used = encode_varint((self.out.len() - start) as u64, &mut prefix);
        if used == 1 {
            self.out[start - 1] = prefix[0];
        } else {
            self.out.splice(start - 1..start, prefix[..used].iter().copied());
        }
    }

    /// Cuts back to `length` bytes: undoes what was written since then, outside of open messages.
    pub fn truncate(&mut self, length: usize) {
        self.out.truncate(length);
    }

    /// Writes a bare varint, for packed repeated fields.
    pub fn raw_varint(&mut self, number: u64) {
        let mut buffer = [0u8; 10];
        let used = encode_varint(number, &mut buffer);
        self.out.extend_from_slice(&buffer[..used]);
    }

    fn tag(&mut self, field: u32, wire_type: u64) {
        self.raw_varint(u64::from(field) << 3 | wire_type);
    }
}

fn encode_varint(mut number: u64, buffer: &mut [u8; 10]) -> usize {
    let mut used = 0;
    while number >= 0x80 {
        buffer[used] = number as u8 | 0x80;
        number >>= 7;
        used += 1;
    }
    buffer[used] = number as u8;
    used + 1
}
