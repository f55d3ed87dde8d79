//! The CRM: companies, contacts, deals, activities.

use serde_json::json;

use super::at;
use super::build::{add, field_id, fixed_id, formula, link, select, table, view};
use super::words::{COMPANY_FIRST, COMPANY_LAST, FIRST_NAMES, JOBS, LAST_NAMES, NOTES, PRODUCTS};
use crate::data::cell::{stamp, user};
use crate::data::ids::Ids;
use crate::data::schema::{Base, Fold, Kind, Table};

const COMPANIES: usize = 40;
const CONTACTS: usize = 130;
const DEALS: usize = 120;
const ACTIVITIES: usize = 210;

const INDUSTRIES: [&str; 5] = ["Logistics", "Food", "Manufacturing", "Energy", "Software"];
const STAGES: [&str; 6] = ["Lead", "Qualified", "Proposal", "Negotiation", "Won", "Lost"];
const TAGS: [&str; 5] = ["new", "upsell", "at risk", "partner", "urgent"];
const KINDS: [&str; 4] = ["Call", "Meeting", "E-mail", "Task"];

pub(super) fn base(ids: &mut Ids) -> Base {
    let mut base = Base {
        id: fixed_id("app", "SalesCRM"),
        name: "Sales CRM".to_owned(),
        permission_level: "create",
        tables: vec![companies(), contacts(), deals(), activities()],
    };
    let companies: Vec<String> = (0..COMPANIES).map(|number| company(&mut base, ids, number)).collect();
    let contacts: Vec<String> = (0..CONTACTS).map(|number| contact(&mut base, ids, number, &companies)).collect();
    let deals: Vec<String> = (0..DEALS).map(|number| deal(&mut base, ids, number, &companies, &contacts)).collect();
    for number in 0..ACTIVITIES {
        activity(&mut base, ids, number, &deals);
    }
    base
}

fn companies() -> Table {
    let name = "Companies";
    let deals = field_id(name, "Deals");
    let mut table = table(
        name,
        vec![
            ("Name", Kind::SingleLineText),
            ("Website", Kind::Url),
            ("Industry", Kind::SingleSelect(select(name, &INDUSTRIES))),
            ("Employees", Kind::Number { precision: 0 }),
            ("Revenue", Kind::Currency { precision: 2, symbol: "€" }),
            ("Rating", Kind::Rating { max: 5 }),
            ("Customer", Kind::Checkbox),
            ("Notes", Kind::MultilineText),
            ("Owner", Kind::Collaborator),
            ("Logo", Kind::Attachments),
            ("Contacts", link("Contacts", "Company")),
            ("Deals", link("Deals", "Company")),
            ("Deal Count", Kind::Count { link: deals.clone() }),
            ("Deal Value", Kind::Rollup { link: deals.clone(), field: field_id("Deals", "Amount"), fold: Fold::Sum }),
            ("Last Close", Kind::Rollup { link: deals, field: field_id("Deals", "Close Date"), fold: Fold::Max }),
            ("Created", Kind::CreatedTime),
            ("Open", Kind::Button { label: "Open" }),
        ],
    );
    table.views = vec![
        view(&table, "All companies", "grid", None, &[]),
        view(&table, "Customers", "grid", Some("{Customer}"), &["Name"]),
        view(&table, "By revenue", "gallery", None, &["-Revenue"]),
    ];
    table
}

fn contacts() -> Table {
    let name = "Contacts";
    let company = field_id(name, "Company");
    let mut table = table(
        name,
        vec![
            ("Name", Kind::SingleLineText),
            ("Email", Kind::Email),
            ("Phone", Kind::PhoneNumber),
            ("Job Title", Kind::SingleLineText),
            ("Company", link("Companies", "Contacts")),
            ("Industry", Kind::Lookup { link: company, field: field_id("Companies", "Industry") }),
            ("Newsletter", Kind::Checkbox),
            ("Deals", link("Deals", "Contact")),
            ("Created By", Kind::CreatedBy),
        ],
    );
    table.views = vec![
        view(&table, "All contacts", "grid", None, &["Name"]),
        view(&table, "Newsletter", "grid", Some("{Newsletter} = 1"), &["Email"]),
    ];
    table
}

fn deals() -> Table {
    let name = "Deals";
    let mut table = table(
        name,
        vec![
            ("Deal", Kind::SingleLineText),
            ("Number", Kind::AutoNumber),
            ("Company", link("Companies", "Deals")),
            ("Contact", link("Contacts", "Deals")),
            ("Stage", Kind::SingleSelect(select(name, &STAGES))),
            ("Amount", Kind::Currency { precision: 2, symbol: "€" }),
            ("Probability", Kind::Percent { precision: 0 }),
            ("Expected", formula("{Amount} * {Probability}")),
            ("Close Date", Kind::Date),
            ("Overdue", formula("AND(IS_BEFORE({Close Date}, TODAY()), {Stage} != 'Won', {Stage} != 'Lost')")),
            ("Tags", Kind::MultipleSelects(select(name, &TAGS))),
            ("Team", Kind::Collaborators),
            ("Activities", link("Activities", "Deal")),
            ("Modified", Kind::LastModifiedTime),
            ("Modified By", Kind::LastModifiedBy),
        ],
    );
    table.views = vec![
        view(&table, "Pipeline", "kanban", Some("AND({Stage} != 'Won', {Stage} != 'Lost')"), &["Stage", "-Amount"]),
        view(&table, "Won", "grid", Some("{Stage} = 'Won'"), &["-Close Date"]),
        view(&table, "All deals", "grid", None, &[]),
    ];
    table
}

fn activities() -> Table {
    let name = "Activities";
    let mut table = table(
        name,
        vec![
            ("Summary", Kind::SingleLineText),
            ("Type", Kind::SingleSelect(select(name, &KINDS))),
            ("When", Kind::DateTime),
            ("Duration", Kind::Duration),
            ("Deal", link("Deals", "Activities")),
            ("Done", Kind::Checkbox),
            ("Label", formula("{Type} & ': ' & {Summary} & IF({Done}, ' (done)', '')")),
        ],
    );
    table.views = vec![
        view(&table, "Calendar", "calendar", None, &["When"]),
        view(&table, "Open", "grid", Some("NOT({Done})"), &["When"]),
    ];
    table
}

fn company(base: &mut Base, ids: &mut Ids, number: usize) -> String {
    let (first, last) = (COMPANY_FIRST[number % COMPANY_FIRST.len()], COMPANY_LAST[number % COMPANY_LAST.len()]);
    let site = format!("https://{}.example", first.to_lowercase().replace(' ', "-"));
    let notes = (ids.below(3) == 0).then(|| *ids.pick(&NOTES));
    let logo = (ids.below(4) == 0).then(|| {
        json!([{"id": ids.id("att"), "url": format!("{site}/logo.png"), "filename": "logo.png", "size": 18_204,
                "type": "image/png", "width": 256, "height": 256}])
    });
    let cells = json!({
        "Name": format!("{first} {last}"), "Website": site, "Industry": INDUSTRIES[number % INDUSTRIES.len()],
        "Employees": 10 + ids.below(4_000), "Revenue": 100_000 + ids.below(90_000_000), "Rating": 1 + ids.below(5),
        "Customer": ids.below(3) > 0, "Notes": notes, "Owner": user(number), "Logo": logo,
    });
    add(base, "Companies", ids, number * 15, &cells)
}

fn contact(base: &mut Base, ids: &mut Ids, number: usize, companies: &[String]) -> String {
    let (first, last) = (*ids.pick(&FIRST_NAMES), *ids.pick(&LAST_NAMES));
    let phone = (ids.below(4) > 0).then(|| format!("+49 30 5550 {:04}", ids.below(10_000)));
    let cells = json!({
        "Name": format!("{first} {last}"), "Email": format!("{}.{number}@example.com", first.to_lowercase()), "Phone": phone,
        "Job Title": ids.pick(&JOBS), "Company": [companies[number % companies.len()]], "Newsletter": ids.below(2) == 0,
    });
    add(base, "Contacts", ids, 600 + number * 20, &cells)
}

fn deal(base: &mut Base, ids: &mut Ids, number: usize, companies: &[String], contacts: &[String]) -> String {
    let company = number % companies.len();
    let stage = ids.below(STAGES.len());
    let probability = [0.1, 0.25, 0.5, 0.75, 1.0, 0.0][stage];
    let close = at(1_440 * (20 + ids.below(330))).date_naive().to_string();
    let tags: Vec<&str> = TAGS.iter().copied().filter(|_| ids.below(4) == 0).collect();
    let tags = if tags.is_empty() { json!(null) } else { json!(tags) };
    let cells = json!({
        "Deal": format!("{} {}", COMPANY_FIRST[company % COMPANY_FIRST.len()], ids.pick(&PRODUCTS)),
        "Company": [companies[company]], "Contact": [contacts[company]], "Stage": STAGES[stage],
        "Amount": 500 + 50 * ids.below(1_500), "Probability": probability, "Close Date": close, "Tags": tags,
        "Team": [user(number), user(number + 1)],
    });
    add(base, "Deals", ids, 4_000 + number * 45, &cells)
}

fn activity(base: &mut Base, ids: &mut Ids, number: usize, deals: &[String]) {
    let kind = *ids.pick(&KINDS);
    let cells = json!({
        "Summary": format!("{kind} about the {}", ids.pick(&PRODUCTS)), "Type": kind,
        "When": stamp(at(10_000 + number * 240)), "Duration": 900 * (1 + ids.below(8)),
        "Deal": [deals[ids.below(deals.len())]], "Done": ids.below(3) > 0,
    });
    add(base, "Activities", ids, 9_000 + number * 240, &cells);
}
