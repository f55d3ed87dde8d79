//! Each format as it should be, damaged, and as an attack.

pub(crate) mod build;

use super::*;
use serde_json::json;
use std::io::Write;

fn read(bytes: &[u8], format: Format) -> Result<Extracted, ExtractError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    extract(file.path(), format, Duration::from_secs(30))
}

fn text(bytes: &[u8], format: Format) -> String {
    read(bytes, format).unwrap().text
}

fn error(bytes: &[u8], format: Format) -> String {
    read(bytes, format).unwrap_err().to_string()
}

#[test]
fn formats_by_name() {
    for extension in Format::EXTENSIONS {
        assert_eq!(Format::of(&format!("A.b{}", extension.to_uppercase())).unwrap().extension(), extension);
    }
    for name in ["", "pdf", "a.exe", "a.pdf.exe", "a."] {
        assert_eq!(Format::of(name), None, "{name}");
    }
}

#[test]
fn text_in_several_encodings() {
    assert_eq!(text("\u{FEFF}Grüße\r\nzwei\rdrei\n\n".as_bytes(), Format::Txt), "Grüße\nzwei\ndrei");
    assert_eq!(text(b"caf\xe9 \x80 5", Format::Txt), "café € 5");
    let wide: Vec<u8> = [0xFF, 0xFE].into_iter().chain("ä😀".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(text(&wide, Format::Txt), "ä😀");
    assert_eq!(text(&[0xFE, 0xFF, 0, b'x'], Format::Txt), "x");
    assert_eq!(text(b"a\0b", Format::Txt), "ab");
    assert_eq!(text(b"", Format::Txt), "");
}

#[test]
fn long_text_is_cut_at_a_character() {
    let cut = read("ü".repeat(TEXT_BYTES_MAX).as_bytes(), Format::Txt).unwrap();
    assert!(cut.truncated && cut.text.len() <= TEXT_BYTES_MAX && cut.text.len() > TEXT_BYTES_MAX - 4);
}

#[test]
fn csv_counts_rows_and_columns() {
    let csv = read(b"name;qty\n\"a;1\";2\nb;3;4\n", Format::Csv).unwrap();
    assert_eq!(csv.text, "name;qty\n\"a;1\";2\nb;3;4");
    assert_eq!(json!(csv.metadata), json!({"encoding": "utf-8", "rows": 3, "columns": 3}));
}

#[test]
fn docx_paragraphs_tables_and_entities() {
    let body = "<w:p><w:r><w:t>First &amp; </w:t></w:r><w:r><w:tab/><w:t>second&#x20;&lt;</w:t><w:br/></w:r></w:p>\
                <w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>\
                <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>\
                <w:p><w:r><w:t>Ende</w:t></w:r></w:p>";
    assert_eq!(text(&build::docx(body), Format::Docx), "First & \tsecond <\n\n\na \tb \t\nEnde");
    assert!(error(&build::zip(&[("x", b"y")]), Format::Docx).starts_with("not a readable docx file: "));
    assert!(error(b"not a zip", Format::Docx).starts_with("not a readable docx file: "));
    // Cut off in the middle, it still has the text before.
    assert_eq!(text(&build::docx("<w:p><w:r><w:t>a</w:t></w:r></w:p><w:p attr"), Format::Docx), "a");
}

#[test]
fn zip_bombs_are_refused_before_any_parser() {
    let zeros = vec![b' '; 64 << 20];
    let bomb = build::zip(&[("a", &zeros), ("b", &zeros), ("c", &zeros), ("d", &zeros), ("word/document.xml", &zeros)]);
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    for format in [Format::Docx, Format::Xlsx] {
        assert_eq!(error(&bomb, format), "the file unpacks to more than 268435456 bytes");
    }
}

#[test]
fn xlsx_rows() {
    let rows = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>Name</t></is></c><c r=\"C1\" t=\"b\"><v>1</v></c></row>\
                <row r=\"5\"><c r=\"A5\"><v>42</v></c><c r=\"B5\" t=\"str\"><f>1+1</f><v>two\nlines</v></c></row>";
    let sheet = read(&build::xlsx(rows), Format::Xlsx).unwrap();
    assert_eq!(sheet.text, "# Data\nName\ttrue\n42\ttwo lines");
    assert_eq!(json!(sheet.metadata), json!({"sheets": ["Data"], "rows": 2}));
    // Only used cells cost: the corner of the largest sheet is as cheap as the next cell.
    let corner = "<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>";
    assert_eq!(
        text(&build::xlsx(&format!("<row r=\"1\"><c r=\"A1\"><v>0</v></c></row>{corner}")), Format::Xlsx),
        "# Data\n0\n1"
    );
    assert!(error(b"PK", Format::Xlsx).starts_with("not a readable xlsx file: "));
}

#[test]
fn xls_rows() {
    let sheet = read(&build::xls(&[(0, 0, 1.5), (0, 2, 2.0), (7, 1, 3.0)]), Format::Xls).unwrap();
    assert_eq!(sheet.text, "# Data\n1.5\t2\n3");
    assert_eq!(json!(sheet.metadata), json!({"sheets": ["Data"], "rows": 2}));
    let wide = build::xls(&[(0, 0, 1.0), (65_535, 255, 2.0)]);
    assert_eq!(error(&wide, Format::Xls), "the file unpacks to more than 4000000 cells");
    assert!(error(b"x", Format::Xls).starts_with("not a readable xls file: "));
    assert!(error(&build::compound(&[("Other", b"")]), Format::Xls).contains("no workbook inside"));
}

#[test]
fn doc_text_by_pieces() {
    let pieces = [
        ("Caf\u{E9}\r", false),
        ("Größe €\r", true),
        ("a\u{7}b\u{7}\r", false),
        ("\u{13} PAGE \u{14}7\u{15}.\u{1}", false),
    ];
    assert_eq!(text(&build::doc(&pieces, 0x0200, 0x00C1), Format::Doc), "Café\nGröße €\na\tb\t\n7.");
    assert_eq!(error(&build::doc(&pieces, 0x0300, 0x00C1), Format::Doc), "the file is encrypted");
    assert_eq!(
        error(&build::doc(&pieces, 0x0200, 0x0065), Format::Doc),
        "not supported: documents of Word 95 and before"
    );
    assert_eq!(error(&build::doc(&pieces, 0, 0x00C1), Format::Doc), "not a readable doc file: no table stream");
    assert!(error(b"{\\rtf1 x}", Format::Doc).starts_with("not supported: rich text"));
    assert!(error(b"plain", Format::Doc).starts_with("not a readable doc file: "));
}

#[test]
fn pdf_text() {
    let content = b"BT /F1 12 Tf 72 720 Td (Invoice 4711) Tj 0 -20 Td (Total: 12 EUR) Tj ET";
    let plain = read(&build::pdf("", content), Format::Pdf).unwrap();
    assert!(plain.text.contains("Invoice 4711") && plain.text.contains("Total: 12 EUR"), "{}", plain.text);
    assert_eq!(plain.metadata["pages"], 1);
    let two = read(&build::pdf_of(2, "", b"BT /F1 12 Tf 72 720 Td (Total) Tj ET"), Format::Pdf).unwrap();
    assert_eq!(two.text.split_whitespace().collect::<Vec<_>>(), ["Total", "Total"], "{:?}", two.text);
    assert_eq!(two.metadata["pages"], 2);
    let packed = build::pdf("/Filter/FlateDecode", &build::deflated(content));
    assert_eq!(text(&packed, Format::Pdf), plain.text);
    assert_eq!(error(b"hello", Format::Pdf), "not a readable pdf file: no PDF header");
    assert!(error(b"%PDF-1.4\nnothing", Format::Pdf).starts_with("not a readable pdf file: "));
}

#[test]
fn pdf_bombs_are_refused() {
    let zeros = build::deflated(&vec![0; (INFLATED_BYTES_MAX + 1) as usize]);
    assert_eq!(
        error(&build::pdf("/Filter/FlateDecode", &zeros), Format::Pdf),
        "the file unpacks to more than 268435456 bytes"
    );
    let twice = build::pdf("/Filter[/FlateDecode/FlateDecode]", &build::deflated(&zeros));
    assert_eq!(error(&twice, Format::Pdf), "not supported: streams that are compressed twice");
    let lzw = build::pdf("/Filter/LZWDecode", &vec![1; 300_000]);
    assert_eq!(error(&lzw, Format::Pdf), "the file unpacks to more than 268435456 bytes");
}

/// Damage at every place of every format ends in an answer.
#[test]
fn damaged_files_never_hang_or_crash() {
    let word = build::doc(&[("some text\r", false), ("more text", true)], 0x0200, 0x00C1);
    let samples = [
        (build::docx("<w:p><w:r><w:t>text</w:t></w:r></w:p>"), Format::Docx),
        (build::xlsx("<row r=\"1\"><c r=\"A1\"><v>1</v></c></row>"), Format::Xlsx),
        (build::xls(&[(0, 0, 1.0)]), Format::Xls),
        (word, Format::Doc),
        (build::pdf("/Filter/FlateDecode", &build::deflated(b"BT /F1 12 Tf (x) Tj ET")), Format::Pdf),
    ];
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for (bytes, format) in samples {
        for _ in 0..60 {
            let mut damaged = bytes.clone();
            for _ in 0..4 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (random >> 33) as usize % damaged.len();
                damaged[at] = (random >> 25) as u8;
            }
            damaged.truncate(damaged.len() - (random >> 40) as usize % (damaged.len() / 4));
            let _ = read(&damaged, format);
        }
    }
}

#[test]
fn the_deadline_holds() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&build::docx("<w:p><w:r><w:t>text</w:t></w:r></w:p>")).unwrap();
    let error = extract(file.path(), Format::Docx, Duration::ZERO).unwrap_err();
    assert!(matches!(error, ExtractError::TimedOut(_)), "{error}");
}
