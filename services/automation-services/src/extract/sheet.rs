//! Excel workbooks: per sheet a heading, then one line a row, cells parted by tabs. Formulas show their last value.

use super::sink::Sink;
use super::{ExtractError, archive, compound};
use calamine::{Data, DataRef, DataType, Reader, Xls, Xlsx};
use std::io::Cursor;
use std::path::Path;

/// The most cells that one .xls may span over all its sheets: calamine keeps the whole rectangle around the used cells, 32 bytes each,
/// so a lying corner cell could otherwise ask for half a gigabyte a sheet.
const CELLS_MAX: u64 = 4_000_000;

/// Reads a workbook of Excel 2007 or later, cell by cell: a far-away corner costs nothing.
pub(super) fn xlsx(path: &Path, sink: &mut Sink) -> Result<(), ExtractError> {
    drop(archive::open(path, "xlsx", sink)?);
    let mut book: Xlsx<_> = calamine::open_workbook(path).map_err(|error| malformed("xlsx", &error))?;
    let (names, mut rows) = (book.sheet_names(), 0_u64);
    for name in &names {
        // Charts and dialogs are sheets without cells.
        let Ok(mut cells) = book.worksheet_cells_reader(name) else { continue };
        if !sink.end_line() || !sink.push(&format!("# {name}\n")) {
            break;
        }
        let mut row = None;
        while let Some(cell) = cells.next_cell().map_err(|error| malformed("xlsx", &error))? {
            if *cell.get_value() == DataRef::Empty {
                continue;
            }
            let (at, _) = cell.get_position();
            let parted = if row == Some(at) {
                sink.push("\t")
            } else {
                sink.check_time()?;
                rows += u64::from(row.is_some());
                sink.end_line()
            };
            row = Some(at);
            if !parted || !push_cell(cell.get_value(), sink) {
                break;
            }
        }
        rows += u64::from(row.is_some());
        if sink.is_full() {
            break;
        }
    }
    note(names, rows, sink);
    Ok(())
}

/// Reads a workbook of Excel 97 to 2003.
pub(super) fn xls(path: &Path, sink: &mut Sink) -> Result<(), ExtractError> {
    let bytes = std::fs::read(path)?;
    check_span(&bytes)?;
    sink.check_time()?;
    let mut book = Xls::new(Cursor::new(bytes)).map_err(|error| malformed("xls", &error))?;
    let (names, mut rows) = (book.sheet_names(), 0_u64);
    for name in &names {
        let range = book.worksheet_range(name).map_err(|error| malformed("xls", &error))?;
        if !sink.end_line() || !sink.push(&format!("# {name}\n")) {
            break;
        }
        for row in range.rows() {
            sink.check_time()?;
            let used = row.iter().filter(|cell| !cell.is_empty());
            let mut parts = 0;
            for cell in used {
                if (parts > 0 && !sink.push("\t")) || !push_data(cell, sink) {
                    break;
                }
                parts += 1;
            }
            rows += u64::from(parts > 0);
            if !sink.end_line() {
                break;
            }
        }
        if sink.is_full() {
            break;
        }
    }
    note(names, rows, sink);
    Ok(())
}

fn note(sheets: Vec<String>, rows: u64, sink: &mut Sink) {
    sink.note("sheets", sheets);
    sink.note("rows", rows);
}

fn push_cell(cell: &DataRef<'_>, sink: &mut Sink) -> bool {
    match cell {
        DataRef::SharedString(text) => sink.push(&one_line(text)),
        other => push_data(&Data::from(other.clone()), sink),
    }
}

fn push_data(cell: &Data, sink: &mut Sink) -> bool {
    match cell {
        Data::DateTime(moment) if moment.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) == (0, 0, 0) {
                sink.push(&date)
            } else {
                sink.push(&format!("{date}T{hour:02}:{minute:02}:{second:02}"))
            }
        }
        other => sink.push(&one_line(&other.to_string())),
    }
}

/// A cell's text without the characters that part cells and rows.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n', '\t'], " ")
}

/// Walks the records of the workbook stream and adds up the rectangles of its sheets ([MS-XLS] 2.4: cell records begin with row and
/// column, both 16 bits).
fn check_span(bytes: &[u8]) -> Result<(), ExtractError> {
    const BEGIN: u16 = 0x0809;
    const FILE_PASS: u16 = 0x002F;
    // Formula, MulRk, MulBlank, LabelSst, Blank, Number, Label, BoolErr, Rk
    const CELLS: [u16; 9] = [0x0006, 0x00BD, 0x00BE, 0x00FD, 0x0201, 0x0203, 0x0204, 0x0205, 0x027E];
    let file =
        compound::open(bytes).map_err(|reason| ExtractError::Malformed { format: "xls", reason: reason.to_owned() })?;
    let Some(stream) = file.stream("Workbook").or_else(|| file.stream("Book")) else {
        return Err(ExtractError::Malformed { format: "xls", reason: "no workbook inside".to_owned() });
    };
    let (mut total, mut span, mut at) = (0_u64, None::<[u64; 4]>, 0);
    let area =
        |span: Option<[u64; 4]>| span.map_or(0, |[top, bottom, left, right]| (bottom - top + 1) * (right - left + 1));
    while let Some([kind_low, kind_high, length_low, length_high, rest @ ..]) = stream.get(at..) {
        let kind = u16::from_le_bytes([*kind_low, *kind_high]);
        let length = usize::from(u16::from_le_bytes([*length_low, *length_high]));
        match (kind, rest) {
            (FILE_PASS, _) => return Err(ExtractError::Encrypted),
            (BEGIN, _) => {
                total += area(span.take());
            }
            (_, [row_low, row_high, column_low, column_high, ..]) if CELLS.contains(&kind) && length >= 6 => {
                let row = u64::from(u16::from_le_bytes([*row_low, *row_high]));
                let column = u64::from(u16::from_le_bytes([*column_low, *column_high]));
                let [top, bottom, left, right] = span.unwrap_or([row, row, column, column]);
                // A MulRk runs over as many columns as it has 6-byte values.
                let last = column + (length as u64).saturating_sub(6) / 6;
                span = Some([top.min(row), bottom.max(row), left.min(column), right.max(last)]);
            }
            _ => {}
        }
        at += 4 + length;
    }
    if total + area(span) > CELLS_MAX {
        Err(ExtractError::TooLarge { limit: CELLS_MAX, unit: "cells" })
    } else {
        Ok(())
    }
}

fn malformed(format: &'static str, error: &dyn std::error::Error) -> ExtractError {
    let reason = error.to_string();
    if reason.to_ascii_lowercase().contains("password") {
        ExtractError::Encrypted
    } else {
        ExtractError::Malformed { format, reason }
    }
}
