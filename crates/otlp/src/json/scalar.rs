//! Single numbers and texts of a JSON request.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use protowire::Writer;

use super::schema::{Field, Kind};

/// What an id that is no hex becomes: too short to be an id, and not empty, which would mean "none".
const INVALID_ID: [u8; 1] = [0];

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// A JSON number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

impl Number {
    /// The number as an integer, if it is one.
    fn integer(self) -> Option<i128> {
        match self {
            Self::Unsigned(number) => Some(number.into()),
            Self::Signed(number) => Some(number.into()),
            // Beyond 2^64 no field can hold it, and the check below says so.
            Self::Float(number) if number.fract() == 0.0 && number.abs() < 1e20 => Some(number as i128),
            Self::Float(_) => None,
        }
    }

    fn double(self) -> f64 {
        match self {
            Self::Unsigned(number) => number as f64,
            Self::Signed(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

/// Writes a number into a numeric field.
pub(super) fn write_number(field: &Field, number: Number, out: &mut Writer) -> Result<(), &'static str> {
    if let Kind::Double = field.kind {
        out.double(field.number, number.double());
        return Ok(());
    }
    if !field.kind.is_integer() {
        return Err(field.kind.expected_not_number());
    }
    write_integer(field, number.integer().ok_or("not an integer")?, out)
}

fn write_integer(field: &Field, integer: i128, out: &mut Writer) -> Result<(), &'static str> {
    const RANGE: &str = "integer out of range";
    let signed = || i64::try_from(integer).map_err(|_| RANGE);
    let unsigned = || u64::try_from(integer).map_err(|_| RANGE);
    let small = || u32::try_from(integer).map_err(|_| RANGE);
    let small_signed = || i32::try_from(integer).map_err(|_| RANGE);
    match field.kind {
        Kind::Int64 => out.varint(field.number, signed()? as u64),
        Kind::Uint64 => out.varint(field.number, unsigned()?),
        Kind::Uint32 => out.varint(field.number, u64::from(small()?)),
        Kind::Enum(_) => out.varint(field.number, i64::from(small_signed()?) as u64),
        Kind::Sint32 => {
            let number = small_signed()?;
            out.varint(field.number, u64::from((number << 1 ^ number >> 31) as u32))
        }
        Kind::Fixed64 => out.fixed64(field.number, unsigned()?),
        Kind::Sfixed64 => out.fixed64(field.number, signed()? as u64),
        Kind::Fixed32 => out.fixed32(field.number, small()?),
        _ => return Err(field.kind.expected_not_number()),
    };
    Ok(())
}

/// Writes a text into a field of any kind but a message.
pub(super) fn write_text(field: &Field, text: &str, out: &mut Writer) -> Result<(), &'static str> {
    match field.kind {
        Kind::Str => drop_ref(out.str(field.number, text)),
        Kind::Id => drop_ref(out.bytes(field.number, &parse_hex(text).unwrap_or_else(|| INVALID_ID.to_vec()))),
        Kind::Bytes => {
            let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
            drop_ref(out.bytes(field.number, &engine.decode(text).map_err(|_| "not base64")?));
        }
        Kind::Double => drop_ref(out.double(field.number, parse_double(text).ok_or("not a number")?)),
        Kind::Enum(names) => match names.iter().position(|name| *name == text) {
            Some(number) => drop_ref(out.varint(field.number, number as u64)),
            // A name of a later version of OTLP is unknown, as an unknown key is.
            None if text.parse::<i32>().is_err() => {}
            None => write_integer(field, text.parse().map_err(|_| "not an integer")?, out)?,
        },
        kind if kind.is_integer() => write_integer(field, parse_integer(text).ok_or("not an integer")?, out)?,
        Kind::Bool => return Err("expected true or false"),
        _ => return Err("expected an object, not a string"),
    }
    Ok(())
}

fn drop_ref(_: &mut Writer) {}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8; 2]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

fn parse_double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        // Rust also reads "inf" and "nan", which are no numbers in protobuf's JSON.
        _ if text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) => {
            text.parse().ok()
        }
        _ => None,
    }
}

/// Integers may be written as floats without fraction (protobuf's JSON mapping).
fn parse_integer(text: &str) -> Option<i128> {
    text.parse().ok().or_else(|| Number::Float(parse_double(text)?).integer())
}
