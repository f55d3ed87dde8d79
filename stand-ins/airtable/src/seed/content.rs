//! The content calendar: articles, authors, channels.

use serde_json::json;

use super::at;
use super::build::{add, field_id, fixed_id, formula, link, select, table, view};
use super::words::{ANGLES, FIRST_NAMES, LAST_NAMES, TOPICS};
use crate::data::ids::Ids;
use crate::data::schema::{Base, Kind, Table};

const AUTHORS: usize = 12;
const ARTICLES: usize = 90;

const CHANNELS: [(&str, &str); 5] = [
    ("Blog", "https://blog.example"),
    ("Newsletter", "https://news.example"),
    ("Podcast", "https://audio.example"),
    ("Video", "https://video.example"),
    ("Documentation", "https://docs.example"),
];
const STATES: [&str; 5] = ["Idea", "Draft", "Review", "Scheduled", "Published"];

pub(super) fn base(ids: &mut Ids) -> Base {
    let mut base = Base {
        id: fixed_id("app", "ContentPlan"),
        name: "Content Plan".to_owned(),
        permission_level: "edit",
        tables: vec![articles(), authors(), channels()],
    };
    let channels: Vec<String> = CHANNELS
        .iter()
        .map(|(name, url)| {
            let code = json!({"text": format!("CH-{name}"), "type": "code128"});
            add(&mut base, "Channels", ids, 0, &json!({"Name": name, "Address": url, "Code": code}))
        })
        .collect();
    let authors: Vec<String> = (0..AUTHORS)
        .map(|number| {
            let name = format!("{} {}", FIRST_NAMES[number], LAST_NAMES[number]);
            let cells = json!({"Name": name, "Email": format!("author{number}@example.com"), "Active": number % 5 > 0});
            add(&mut base, "Authors", ids, 60 + number, &cells)
        })
        .collect();
    for number in 0..ARTICLES {
        article(&mut base, ids, number, &authors, &channels);
    }
    base
}

fn articles() -> Table {
    let name = "Articles";
    let mut table = table(
        name,
        vec![
            ("Title", Kind::SingleLineText),
            ("Slug", formula("SUBSTITUTE(LOWER({Title}), ' ', '-')")),
            ("Status", Kind::SingleSelect(select(name, &STATES))),
            ("Body", Kind::RichText),
            ("Words", Kind::Number { precision: 0 }),
            ("Publish On", Kind::Date),
            ("Author", link("Authors", "Articles")),
            ("Channels", link("Channels", "Articles")),
            ("Author Email", Kind::Lookup { link: field_id(name, "Author"), field: field_id("Authors", "Email") }),
            ("Summary", Kind::AiText),
        ],
    );
    table.views = vec![
        view(&table, "Everything", "grid", None, &[]),
        view(&table, "Calendar", "calendar", Some("{Publish On}"), &["Publish On"]),
        view(&table, "In review", "grid", Some("{Status} = 'Review'"), &["Title"]),
    ];
    table
}

fn authors() -> Table {
    let articles = field_id("Authors", "Articles");
    let mut table = table(
        "Authors",
        vec![
            ("Name", Kind::SingleLineText),
            ("Email", Kind::Email),
            ("Active", Kind::Checkbox),
            ("Articles", link("Articles", "Author")),
            ("Article Count", Kind::Count { link: articles }),
        ],
    );
    table.views = vec![view(&table, "All authors", "grid", None, &["Name"])];
    table
}

fn channels() -> Table {
    let mut table = table(
        "Channels",
        vec![
            ("Name", Kind::SingleLineText),
            ("Address", Kind::Url),
            ("Code", Kind::Barcode),
            ("Articles", link("Articles", "Channels")),
        ],
    );
    table.views = vec![view(&table, "All channels", "grid", None, &[])];
    table
}

fn article(base: &mut Base, ids: &mut Ids, number: usize, authors: &[String], channels: &[String]) {
    let (topic, angle) = (TOPICS[number % TOPICS.len()], ANGLES[number % ANGLES.len()]);
    let state = ids.below(STATES.len());
    let publish = (state >= 3).then(|| at(1_440 * (10 + number * 3)).date_naive().to_string());
    let body = (state > 0).then(|| format!("## {topic}\n\nThis text shows **{}** {angle}.\n", topic.to_lowercase()));
    let first = ids.below(channels.len());
    let on: Vec<&String> = channels.iter().cycle().skip(first).take(1 + ids.below(2)).collect();
    let cells = json!({
        "Title": format!("{topic} {angle}"), "Status": STATES[state], "Body": body, "Publish On": publish,
        "Words": if state > 0 { json!(300 + ids.below(1_700)) } else { json!(null) },
        "Author": [authors[ids.below(authors.len())]], "Channels": on,
    });
    add(base, "Articles", ids, 1_000 + number * 300, &cells);
}
