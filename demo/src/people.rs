//! Four tenants, and what their people ask for.

use rand::Rng;
use rand::seq::IndexedRandom;

/// A customer.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) id: &'static str,
    pub(crate) cost_center: &'static str,
    pub(crate) users: &'static [&'static str],
    /// How much of the traffic is theirs.
    pub(crate) weight: u32,
}

/// The four tenants; one is large, one hardly there.
pub(crate) const TENANTS: [Tenant; 4] = [
    Tenant {
        id: "acme-retail",
        cost_center: "support",
        users: &["ana.lopez", "ben.ito", "chloe.martin", "dev.patel", "erik.berg"],
        weight: 10,
    },
    Tenant { id: "northwind", cost_center: "sales", users: &["freya.olsen", "gus.meyer", "hana.sato"], weight: 6 },
    Tenant { id: "blue-harbor", cost_center: "operations", users: &["ivan.petrov", "june.park"], weight: 3 },
    Tenant { id: "tiny-studio", cost_center: "founder", users: &["kim.ray"], weight: 1 },
];

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub(crate) tenant: &'static Tenant,
    pub(crate) user: &'static str,
}

impl Person {
    /// Someone, large tenants more often.
    pub(crate) fn pick(random: &mut impl Rng) -> Self {
        let tenant = TENANTS.choose_weighted(random, |tenant| tenant.weight).unwrap_or(&TENANTS[0]);
        let user = tenant.users.choose(random).copied().unwrap_or("somebody");
        Self { tenant, user }
    }

    /// The key of this tenant's application. Only its hash may ever be seen in telemetry.
    pub(crate) fn api_key(&self) -> String {
        format!("pya_demo_{}_0123456789", self.tenant.id)
    }
}

/// Questions that need no data.
pub(crate) const QUESTIONS: [&str; 8] = [
    "Summarise yesterday's support tickets in three bullet points.",
    "Write a friendly reminder about an unpaid invoice.",
    "Which fields should a table of suppliers have?",
    "Explain the difference between a lookup and a rollup field.",
    "Suggest five titles for a post about our spring collection.",
    "Turn these notes into an agenda: budget, hiring, office move.",
    "What should we check before we delete duplicate contacts?",
    "Translate «your parcel is on its way» into Norwegian and Japanese.",
];

/// Questions that the model answers with tools; the stand-in calls the tools that a question names.
pub(crate) const TOOL_QUESTIONS: [&str; 3] = [
    "Use airtable_list_bases and tell me which bases we have.",
    "Use airtable_list_bases, then calculate 1299 * 12 for the yearly price.",
    "Use calculate for 0.19 * 2480 and give me the VAT.",
];

/// What goes wrong upstream now and then; the words make the stand-in fail on purpose.
pub(crate) const TROUBLE: [&str; 4] = ["mock:503", "mock:429", "mock:block", "mock:slow"];
