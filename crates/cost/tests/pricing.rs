//! Rules of pricing by example, and its laws for arbitrary usage.

use cost::{Book, Bucket, Buckets, Call, Day, Fee, Flag, NanoUsd, Priced, Status, Tier, Unpriced, Usage, gemini};
use proptest::prelude::*;
use serde_json::json;

const BOOK: &str = r#"{"layout":1,"sources":{"s":{"what":"a test","licence":"none"}},"models":[
 {"provider":"p","model":"m","prices":[
  {"from":null,"until":"2026-08-13","source":"s","standard":[{"input":"2","output":"8"}]},
  {"from":"2026-08-13","until":"2027-01-01","source":"s",
   "standard":[{"input":"1","output":"4","cache_read":"0.1"},{"above":1000,"input":"2","output":"8","cache_read":"0.2"}],
   "flex":[{"input":"0.5","output":"2"}],
   "fees":{"google_search_query":"0.014"},"multipliers":{"us":"1.1","fast":"2"}}]}]}"#;

fn call(day: &str, model: &str, usage: &Usage) -> Priced {
    let book = Book::parse(BOOK).expect("a good book");
    let day = Day::parse(day).expect("a day");
    book.price(&Call { provider: "p", request_model: Some(model), response_model: None, day, usage })
}

fn tokens(list: &[(Bucket, u64)]) -> Usage {
    let tokens = list.iter().fold(Buckets::default(), |all, (bucket, count)| all.with(*bucket, *count));
    Usage { tokens, ..Usage::default() }
}

fn nano(priced: &Priced) -> i64 {
    priced.cost().expect("a cost").0
}

#[test]
fn the_day_of_the_call_selects_the_price() {
    let usage = tokens(&[(Bucket::Input, 1000)]);
    assert_eq!(nano(&call("2026-08-12", "m", &usage)), 2_000_000);
    assert_eq!(nano(&call("2026-08-13", "m", &usage)), 1_000_000);
    let day = Day::parse("2027-01-01").expect("a day");
    assert_eq!(call("2027-01-01", "m", &usage), Priced::Unpriced(Unpriced::Day { model: "m".into(), day }));
}

#[test]
fn an_unknown_model_is_unpriced_and_not_free() {
    let priced = call("2026-09-01", "mystery", &tokens(&[(Bucket::Input, 1)]));
    assert_eq!(priced, Priced::Unpriced(Unpriced::Model("mystery".into())));
    assert_eq!((priced.cost(), priced.status()), (None, Status::Unknown));
    assert_eq!(Priced::zero().cost(), Some(NanoUsd::ZERO));
}

#[test]
fn a_size_tier_begins_above_its_threshold_and_moves_the_whole_request() {
    let at = call("2026-09-01", "m", &tokens(&[(Bucket::Input, 600), (Bucket::CacheRead, 400), (Bucket::Output, 10)]));
    assert_eq!(nano(&at), 600_000 + 40_000 + 40_000);
    let above =
        call("2026-09-01", "m", &tokens(&[(Bucket::Input, 600), (Bucket::CacheRead, 401), (Bucket::Output, 10)]));
    assert_eq!(nano(&above), 1_200_000 + 80_200 + 80_000);
}

#[test]
fn a_tier_without_rates_uses_the_standard_ones_and_says_so() {
    let usage = Usage { tier: Tier::Flex, ..tokens(&[(Bucket::Input, 1000)]) };
    assert_eq!(nano(&call("2026-09-01", "m", &usage)), 500_000);
    let Priced::Bill(bill) = call("2026-09-01", "m", &Usage { tier: Tier::Priority, ..usage.clone() }) else {
        panic!()
    };
    assert_eq!((bill.cost.0, bill.flags), (1_000_000, vec![Flag::TierPriceMissing]));
    let Priced::Bill(bill) = call("2026-09-01", "m", &Usage { tier: Tier::Provisioned, ..usage }) else { panic!() };
    assert_eq!((bill.cost.0, bill.flags), (0, vec![Flag::Provisioned]));
}

#[test]
fn multipliers_change_rates_and_not_fees() {
    let mut usage = tokens(&[(Bucket::Input, 1000)]);
    usage.multipliers = vec!["us".into(), "fast".into()];
    usage.fees.insert(Fee::GoogleSearchQuery, 3);
    usage.fees.insert(Fee::GoogleSearchPrompt, 1);
    let Priced::Bill(bill) = call("2026-09-01", "m", &usage) else { panic!() };
    assert_eq!((bill.cost.0, bill.flags.len()), (2_200_000 + 42_000_000, 0));
    usage.multipliers.push("moon".into());
    usage.fees.insert(Fee::WebSearch, 1);
    let Priced::Bill(bill) = call("2026-09-01", "m", &usage) else { panic!() };
    assert_eq!(bill.flags, [Flag::MultiplierMissing, Flag::FeePriceMissing]);
}

#[test]
fn a_reported_cost_wins_even_for_an_unknown_model() {
    let reported = cost::FemtoUsd::parse_usd("0.002196").expect("an amount");
    let usage = Usage { reported: Some(reported), ..tokens(&[(Bucket::Input, 1000)]) };
    let Priced::Bill(bill) = call("2026-09-01", "m", &usage) else { panic!() };
    assert_eq!(
        (bill.status, bill.cost.0, bill.flags),
        (Status::ProviderReported, 2_196_000, vec![Flag::ReportedDiffers])
    );
    assert_eq!(nano(&call("2026-09-01", "mystery", &usage)), 2_196_000);
}

#[test]
fn details_that_do_not_add_up_leave_the_rest_to_text() {
    let usage = gemini::usage_of_metadata(&json!({
        "promptTokenCount": 440, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 341}],
        "candidatesTokenCount": 1283, "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
    }));
    let tokens = usage.expect("a good usage").tokens;
    assert_eq!(
        (tokens.get(Bucket::Input), tokens.get(Bucket::OutputImage), tokens.get(Bucket::Output)),
        (440, 1120, 163)
    );
}

#[test]
fn impossible_counters_are_refused_or_capped() {
    assert!(gemini::usage_of_metadata(&json!({"promptTokenCount": -1})).is_err());
    assert!(gemini::usage_of_metadata(&json!({"promptTokenCount": 1.5})).is_err());
    assert!(gemini::usage_of_metadata(&json!({"promptTokenCount": {}})).is_err());
    let usage = gemini::usage_of_metadata(&json!({"promptTokenCount": "10", "cachedContentTokenCount": 20}));
    assert_eq!(usage.expect("a good usage").tokens.input_total(), 10);
}

#[test]
fn a_stream_that_broke_off_is_not_finished() {
    let mut stream = gemini::StreamUsage::default();
    assert!(stream.usage().is_none());
    stream.push(&json!({"candidates": [{}], "usageMetadata": {"promptTokenCount": 5}})).expect("a good chunk");
    stream
        .push(&json!({"candidates": [{"groundingMetadata": {"webSearchQueries": ["a", "b"]}}]}))
        .expect("a good chunk");
    assert!(!stream.finished());
    stream.push(&json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 7}}))
        .expect("a good chunk");
    let usage = stream.usage().expect("a usage");
    assert!(stream.finished());
    assert_eq!((usage.tokens.output_total(), usage.fees[&Fee::GoogleSearchQuery]), (7, 2));
}

fn any_usage() -> impl Strategy<Value = Usage> {
    let counts = proptest::collection::vec((0..Bucket::ALL.len(), prop_oneof![0..2_000_u64, any::<u64>()]), 0..6);
    counts.prop_map(|counts| tokens(&counts.iter().map(|(at, count)| (Bucket::ALL[*at], *count)).collect::<Vec<_>>()))
}

proptest! {
    #[test]
    fn no_usage_overflows(usage in any_usage(), priority in any::<bool>()) {
        let usage = Usage { tier: if priority { Tier::Priority } else { Tier::Standard }, multipliers: vec!["us".into(), "fast".into()], ..usage };
        match call("2026-09-01", "m", &usage) {
            Priced::Bill(bill) => prop_assert!(bill.cost.0 >= 0),
            Priced::Unpriced(reason) => prop_assert_eq!(reason, Unpriced::Range),
        }
    }

    #[test]
    fn buckets_add_up(counts in proptest::collection::vec(0..400_u64, Bucket::ALL.len())) {
        // Without size tiers in play, the whole is the sum of its buckets, before rounding.
        let whole: Vec<_> = Bucket::ALL.into_iter().zip(counts).filter(|(bucket, _)| !bucket.is_input()).collect();
        let bill = |usage: &Usage| match call("2026-09-01", "m", usage) {
            Priced::Bill(bill) => bill.computed.0,
            Priced::Unpriced(reason) => panic!("{reason}"),
        };
        let parts: i128 = whole.iter().map(|part| bill(&tokens(&[*part]))).sum();
        prop_assert_eq!(bill(&tokens(&whole)), parts);
    }

    #[test]
    fn a_gemini_usage_loses_and_invents_no_token(
        prompt in 0..1_000_u64, cached in 0..1_000_u64, image in 0..1_000_u64, cached_image in 0..1_000_u64,
        candidates in 0..1_000_u64, audio_out in 0..1_000_u64, thoughts in 0..1_000_u64, tool in 0..1_000_u64,
    ) {
        let usage = gemini::usage_of_metadata(&json!({
            "promptTokenCount": prompt, "cachedContentTokenCount": cached, "candidatesTokenCount": candidates,
            "thoughtsTokenCount": thoughts, "toolUsePromptTokenCount": tool,
            "promptTokensDetails": [{"modality": "IMAGE", "tokenCount": image}],
            "cacheTokensDetails": [{"modality": "IMAGE", "tokenCount": cached_image}],
            "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": audio_out}],
        })).expect("all are counts");
        prop_assert_eq!(usage.tokens.input_total(), prompt + tool);
        prop_assert_eq!(usage.tokens.output_total(), candidates + thoughts);
        prop_assert_eq!(usage.tokens.cache_read_total(), cached.min(prompt));
    }
}
