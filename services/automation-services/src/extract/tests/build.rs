//! Files made by hand, byte by byte: no binary test data, and every damage can be made.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

/// A zip container with these entries, deflated.
pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated))
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A Word document with this body (the inside of `w:body`).
pub(crate) fn docx(body: &str) -> Vec<u8> {
    let namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
    let document =
        format!("<?xml version=\"1.0\"?><w:document xmlns:w=\"{namespace}\"><w:body>{body}</w:body></w:document>");
    zip(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", document.as_bytes())])
}

/// A workbook with one sheet called "Data" whose `sheetData` holds `rows`.
pub(crate) fn xlsx(rows: &str) -> Vec<u8> {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let workbook = format!(
        "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"Data\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
    );
    let relations = format!(
        "<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
    );
    let root = format!(
        "<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    let sheet = format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>");
    zip(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

/// A compound file with these streams, each padded to at least 4,096 bytes so that none is short.
pub(crate) fn compound(streams: &[(&str, &[u8])]) -> Vec<u8> {
    const SECTOR: usize = 512;
    const END: u32 = 0xFFFF_FFFE;
    let mut data: Vec<u8> = Vec::new();
    let mut table: Vec<u32> = Vec::new();
    let mut append = |bytes: &[u8], least: usize| {
        let first = table.len() as u32;
        let count = bytes.len().max(least).div_ceil(SECTOR).max(1);
        data.extend_from_slice(bytes);
        data.resize((first as usize + count) * SECTOR, 0);
        table.extend((0..count as u32).map(|n| if n + 1 == count as u32 { END } else { first + n + 1 }));
        first
    };
    let mut directory = Vec::new();
    let mut entry = |name: &str, kind: u8, start: u32, length: usize| {
        let mut bytes = [0_u8; 128];
        for (n, unit) in name.encode_utf16().enumerate() {
            bytes[2 * n..2 * n + 2].copy_from_slice(&unit.to_le_bytes());
        }
        bytes[64..66].copy_from_slice(&(2 * (name.len() as u16 + 1)).to_le_bytes());
        bytes[66] = kind;
        for link in [68, 72, 76] {
            bytes[link..link + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        }
        bytes[116..120].copy_from_slice(&start.to_le_bytes());
        bytes[120..124].copy_from_slice(&(length as u32).to_le_bytes());
        directory.extend_from_slice(&bytes);
    };
    entry("Root Entry", 5, END, 0);
    for (name, bytes) in streams {
        let start = append(bytes, 4096);
        entry(name, 2, start, bytes.len().max(4096));
    }
    let directory_start = append(&directory, 0);
    // The table describes its own sectors as well.
    let table_sectors = (table.len() + 8).div_ceil(SECTOR / 4);
    let table_start = table.len() as u32;
    table.extend(std::iter::repeat_n(0xFFFF_FFFD, table_sectors));
    table.resize(table_sectors * SECTOR / 4, u32::MAX);
    data.extend(table.iter().flat_map(|sector| sector.to_le_bytes()));
    let mut header = vec![0_u8; SECTOR];
    header[..8].copy_from_slice(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]);
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(24, &0x3E_u16.to_le_bytes());
    put(26, &3_u16.to_le_bytes());
    put(28, &[0xFE, 0xFF]);
    put(30, &9_u16.to_le_bytes());
    put(32, &6_u16.to_le_bytes());
    put(44, &(table_sectors as u32).to_le_bytes());
    put(48, &directory_start.to_le_bytes());
    put(56, &4096_u32.to_le_bytes());
    put(60, &END.to_le_bytes());
    put(68, &END.to_le_bytes());
    for n in 0..109_u32 {
        let sector = if (n as usize) < table_sectors { table_start + n } else { u32::MAX };
        put(76 + 4 * n as usize, &sector.to_le_bytes());
    }
    header.extend_from_slice(&data);
    header
}

/// One record of a BIFF stream.
fn record(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut out = kind.to_le_bytes().to_vec();
    out.extend_from_slice(&(body.len() as u16).to_le_bytes());
    out.extend_from_slice(body);
    out
}

/// An Excel 97 workbook with one sheet "Data" that holds these numbers by row and column.
pub(crate) fn xls(cells: &[(u16, u16, f64)]) -> Vec<u8> {
    let begin = |kind: u16| record(0x0809, &[&0x0600_u16.to_le_bytes()[..], &kind.to_le_bytes(), &[0; 12]].concat());
    let head = [begin(0x0005), record(0x0042, &1200_u16.to_le_bytes())].concat();
    // The sheet's position, its visibility and type, its name as one-byte characters.
    let sheet_name = |position: u32| record(0x0085, &[&position.to_le_bytes()[..], &[0, 0, 4, 0], b"Data"].concat());
    let position = head.len() + sheet_name(0).len() + record(0x000A, &[]).len();
    let mut stream = [head, sheet_name(position as u32), record(0x000A, &[]), begin(0x0010)].concat();
    for (row, column, value) in cells {
        let body = [&row.to_le_bytes()[..], &column.to_le_bytes(), &0_u16.to_le_bytes(), &value.to_le_bytes()].concat();
        stream.extend(record(0x0203, &body));
    }
    stream.extend(record(0x000A, &[]));
    compound(&[("Workbook", &stream)])
}

/// A Word 97 document whose main text is `pieces`, each in one or two bytes a character.
pub(crate) fn doc(pieces: &[(&str, bool)], flags: u16, version: u16) -> Vec<u8> {
    let mut document = vec![0_u8; 0x400];
    let (mut ends, mut descriptors, mut count) = (vec![0_u32], Vec::new(), 0_u32);
    for (text, wide) in pieces {
        let at = document.len() as u32;
        let position = if *wide {
            document.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            at
        } else {
            document.extend(text.chars().map(|character| character as u8));
            (at * 2) | 0x4000_0000
        };
        count += text.encode_utf16().count() as u32;
        ends.push(count);
        descriptors.extend_from_slice(&0_u16.to_le_bytes());
        descriptors.extend_from_slice(&position.to_le_bytes());
        descriptors.extend_from_slice(&0_u16.to_le_bytes());
    }
    let plc = [ends.iter().flat_map(|end| end.to_le_bytes()).collect::<Vec<u8>>(), descriptors].concat();
    // A run of formatting first, to be passed over.
    let pieces = [&[1, 2, 0, 9, 9, 2][..], &(plc.len() as u32).to_le_bytes(), &plc].concat();
    let mut put = |at: usize, bytes: &[u8]| document[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &0xA5EC_u16.to_le_bytes());
    put(2, &version.to_le_bytes());
    put(0x0A, &flags.to_le_bytes());
    put(0x4C, &count.to_le_bytes());
    put(0x1A6, &(pieces.len() as u32).to_le_bytes());
    compound(&[("WordDocument", &document), ("1Table", &pieces)])
}

/// Bytes as a zlib stream.
pub(crate) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A PDF with one page, whose content stream has this dictionary (without its length) and these bytes.
pub(crate) fn pdf(dictionary: &str, content: &[u8]) -> Vec<u8> {
    pdf_of(1, dictionary, content)
}

/// The same page `pages` times.
pub(crate) fn pdf_of(pages: usize, dictionary: &str, content: &[u8]) -> Vec<u8> {
    let stream =
        [format!("<</Length {}{dictionary}>>\nstream\n", content.len()).as_bytes(), content, b"\nendstream"].concat();
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>";
    let tree = format!("<</Type/Pages/Kids[{}]/Count {pages}>>", "3 0 R ".repeat(pages));
    let objects: [&[u8]; 5] = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        tree.as_bytes(),
        page.as_bytes(),
        &stream,
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ];
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut table = String::from("xref\n0 6\n0000000000 65535 f \n");
    for (n, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", out.len()));
        out.extend_from_slice(format!("{} 0 obj\n", n + 1).as_bytes());
        out.extend_from_slice(object);
        out.extend_from_slice(b"\nendobj\n");
    }
    let start = out.len();
    out.extend_from_slice(table.as_bytes());
    out.extend_from_slice(format!("trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n").as_bytes());
    out
}
