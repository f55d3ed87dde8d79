//! Which value a field takes. Links are not here: they touch other tables, see `links`.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::{Value as Json, json};

use super::ids::{Ids, is_id};
use super::schema::{Choice, Field, Kind};
use crate::error::ApiError;
use crate::formula::number_json;

/// Checks a value for a field and brings it into the form that is stored; `None` clears the cell.
///
/// With `typecast`, text becomes a number, a date or a new option where the field needs one.
///
/// # Errors
/// `INVALID_VALUE_FOR_COLUMN`, or `INVALID_MULTIPLE_CHOICE_OPTIONS` for an unknown option without `typecast`.
pub(crate) fn accept(field: &mut Field, value: &Json, typecast: bool, ids: &mut Ids) -> Result<Option<Json>, ApiError> {
    let name = field.name.clone();
    let bad = || ApiError::bad_value(&name);
    if field.kind.computed() {
        return Err(ApiError::invalid(
            "INVALID_VALUE_FOR_COLUMN",
            format!("Field \"{name}\" cannot accept a value because the field is computed"),
        ));
    }
    if value.is_null() {
        return Ok(None);
    }
    let stored = match &mut field.kind {
        Kind::Number { .. } | Kind::Currency { .. } | Kind::Percent { .. } => {
            number(value, typecast).ok_or_else(bad)?
        }
        Kind::Duration => number(value, typecast).filter(|value| value.as_f64() >= Some(0.0)).ok_or_else(bad)?,
        Kind::Rating { max } => {
            let (stored, max) = (number(value, typecast).ok_or_else(bad)?, u64::from(*max));
            let stars = stored.as_u64().filter(|stars| *stars <= max).ok_or_else(bad)?;
            if stars == 0 {
                return Ok(None);
            }
            stored
        }
        Kind::Checkbox => {
            let checked = match value {
                Json::Bool(checked) => *checked,
                Json::String(text) if typecast => matches!(text.as_str(), "true" | "checked" | "1"),
                _ => return Err(bad()),
            };
            // An unchecked box is an empty cell.
            return Ok(checked.then_some(Json::Bool(true)));
        }
        Kind::SingleSelect(choices) => match value {
            Json::String(text) if text.is_empty() => return Ok(None),
            Json::String(text) => choose(choices, text, typecast, ids)?,
            _ => return Err(bad()),
        },
        Kind::MultipleSelects(choices) => {
            let names: Vec<&str> = match value {
                Json::Array(items) => {
                    items.iter().map(|item| item.as_str().ok_or_else(bad)).collect::<Result<_, _>>()?
                }
                Json::String(text) if typecast => {
                    text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
                }
                _ => return Err(bad()),
            };
            names.into_iter().map(|name| choose(choices, name, typecast, ids)).collect::<Result<_, _>>()?
        }
        Kind::Date => value.as_str().and_then(|text| date(text, typecast)).ok_or_else(bad)?,
        Kind::DateTime => value.as_str().and_then(date_time).ok_or_else(bad)?,
        Kind::Attachments => attachments(value, ids).ok_or_else(bad)?,
        Kind::Collaborator => collaborator(value).ok_or_else(bad)?,
        Kind::Collaborators => {
            value.as_array().and_then(|items| items.iter().map(collaborator).collect()).ok_or_else(bad)?
        }
        Kind::Barcode => value.get("text").filter(|text| text.is_string()).map(|_| value.clone()).ok_or_else(bad)?,
        _ => text(value, typecast).ok_or_else(bad)?,
    };
    let empty = stored.as_str() == Some("") || stored.as_array().is_some_and(Vec::is_empty);
    Ok(if empty { None } else { Some(stored) })
}

fn text(value: &Json, typecast: bool) -> Option<Json> {
    match value {
        Json::String(_) => Some(value.clone()),
        Json::Number(_) | Json::Bool(_) if typecast => Some(Json::from(value.to_string())),
        _ => None,
    }
}

fn number(value: &Json, typecast: bool) -> Option<Json> {
    let number = match value {
        Json::Number(number) => number.as_f64()?,
        Json::String(text) if typecast => {
            let plain: String = text.chars().filter(|char| !matches!(char, ',' | '$' | '€' | '%' | ' ')).collect();
            let number: f64 = plain.parse().ok()?;
            if text.contains('%') { number / 100.0 } else { number }
        }
        _ => return None,
    };
    number.is_finite().then(|| number_json(number))
}

fn choose(choices: &mut Vec<Choice>, name: &str, typecast: bool, ids: &mut Ids) -> Result<Json, ApiError> {
    if let Some(choice) = choices.iter().find(|choice| choice.name == name || choice.id == name) {
        return Ok(Json::from(choice.name.as_str()));
    }
    if !typecast {
        return Err(ApiError::invalid(
            "INVALID_MULTIPLE_CHOICE_OPTIONS",
            format!("Insufficient permissions to create new select option \"\"{name}\"\""),
        ));
    }
    choices.push(Choice { id: ids.id("sel"), name: name.to_owned(), color: "grayLight2" });
    Ok(Json::from(name))
}

fn date(text: &str, typecast: bool) -> Option<Json> {
    let day = text
        .parse::<NaiveDate>()
        .ok()
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc().date_naive()))
        .or_else(|| typecast.then(|| NaiveDate::parse_from_str(text, "%m/%d/%Y").ok()).flatten())?;
    Some(Json::from(day.to_string()))
}

fn date_time(text: &str) -> Option<Json> {
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).ok().or_else(|| {
        let day = text.parse::<NaiveDate>().ok()?;
        Some(day.and_hms_opt(0, 0, 0)?.and_utc())
    })?;
    Some(Json::from(stamp(time)))
}

/// A time as the API writes it: UTC with milliseconds and a `Z`.
pub(crate) fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn attachments(value: &Json, ids: &mut Ids) -> Option<Json> {
    value.as_array()?.iter().map(|item| attachment(item, ids)).collect()
}

/// An attachment is given by its URL, or by the id of one that is there already.
fn attachment(item: &Json, ids: &mut Ids) -> Option<Json> {
    if let Some(id) = item["id"].as_str() {
        return is_id(id, "att").then(|| item.clone());
    }
    let url = item["url"].as_str().filter(|url| url.starts_with("http"))?;
    let named = url.split(['?', '#']).next().and_then(|path| path.rsplit('/').next()).filter(|name| !name.is_empty());
    let filename = item["filename"].as_str().or(named).unwrap_or("file");
    let kind = match filename.rsplit('.').next() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("pdf") => "application/pdf",
        _ => "application/octet-stream",
    };
    // The real server fetches the file to learn its size; this one makes up a stable number.
    Some(
        json!({"id": ids.id("att"), "url": url, "filename": filename, "size": 1024 + filename.len() * 97, "type": kind}),
    )
}

/// Known users of every base: id, e-mail address, name.
pub(crate) const USERS: [(&str, &str, &str); 4] = [
    ("usrAda00000000001", "ada@example.com", "Ada Byron"),
    ("usrGrace000000002", "grace@example.com", "Grace Murray"),
    ("usrAlan0000000003", "alan@example.com", "Alan Mathison"),
    ("usrKatherine00004", "katherine@example.com", "Katherine Coleman"),
];

/// A user as a cell shows it.
pub(crate) fn user(at: usize) -> Json {
    let (id, email, name) = USERS[at % USERS.len()];
    json!({"id": id, "email": email, "name": name})
}

fn collaborator(value: &Json) -> Option<Json> {
    let wanted = [value["id"].as_str(), value["email"].as_str()];
    let at = USERS.iter().position(|(id, email, _)| wanted.contains(&Some(*id)) || wanted.contains(&Some(*email)))?;
    Some(user(at))
}
