//! Words that the seed data is made of.

pub(super) const COMPANY_FIRST: [&str; 12] = [
    "Northwind",
    "Alder",
    "Blue Harbour",
    "Cobalt",
    "Fernhill",
    "Granite",
    "Juniper",
    "Lakeside",
    "Meridian",
    "Orchard",
    "Quarry",
    "Silverline",
];
pub(super) const COMPANY_LAST: [&str; 5] = ["Logistics", "Foods", "Instruments", "Energy", "Software"];
pub(super) const FIRST_NAMES: [&str; 16] = [
    "Amara", "Bela", "Chidi", "Dana", "Elif", "Farid", "Greta", "Hana", "Ivo", "Jun", "Kofi", "Lena", "Mateo", "Nadia",
    "Oskar", "Priya",
];
pub(super) const LAST_NAMES: [&str; 14] = [
    "Adeyemi",
    "Bauer",
    "Costa",
    "Dvořák",
    "Eriksen",
    "Fontaine",
    "García",
    "Haddad",
    "Ito",
    "Jansen",
    "Kowalski",
    "Lindqvist",
    "O'Brien",
    "Šimić",
];
pub(super) const JOBS: [&str; 6] =
    ["Head of Purchasing", "CTO", "Office Manager", "Data Analyst", "Operations Lead", "Founder"];
pub(super) const PRODUCTS: [&str; 6] =
    ["starter plan", "renewal", "migration", "training days", "extra seats", "support contract"];
pub(super) const NOTES: [&str; 5] = [
    "Prefers calls in the morning.",
    "Asked for a security questionnaire.\nAnswer due next week.",
    "Met at the spring fair.",
    "Budget is decided in the fourth quarter.",
    "Uses a competitor's product until the contract ends.",
];
pub(super) const TOPICS: [&str; 10] = [
    "Clean tables",
    "Linked records",
    "Automations",
    "Forms",
    "Views",
    "Formulas",
    "Interfaces",
    "Sync",
    "Permissions",
    "Imports",
];
pub(super) const ANGLES: [&str; 9] = [
    "for beginners",
    "in ten minutes",
    "at scale",
    "without tears",
    "compared",
    "from the field",
    "in practice",
    "explained",
    "revisited",
];
