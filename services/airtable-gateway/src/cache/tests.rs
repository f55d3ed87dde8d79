//! Hits, misses and what a write puts out of reach.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn answers() -> Answers {
    Answers::new(Cache::in_process("test", 1 << 20), HOUR, Measures::new())
}

fn key(table: &str) -> Key {
    Key::records("appA", table, &[])
}

/// Reads through the cache; the upstream counts its calls.
async fn read(answers: &Answers, key: &Key, calls: &AtomicU32) -> (u32, bool) {
    let fetch = async { Ok(calls.fetch_add(1, Ordering::Relaxed)) };
    answers.read(key, |_| HOUR, fetch).await.unwrap()
}

#[tokio::test]
async fn the_second_read_is_a_hit_until_its_table_or_base_is_written() {
    let (answers, calls) = (answers(), AtomicU32::new(0));
    assert_eq!(read(&answers, &key("Deals"), &calls).await, (0, false));
    assert_eq!(read(&answers, &key("Deals"), &calls).await, (0, true));
    answers.forget(&[Place::table("appA", "Other")]).await;
    assert_eq!(read(&answers, &key("Deals"), &calls).await, (0, true));
    answers.forget(&[Place::table("appA", "Deals")]).await;
    assert_eq!(read(&answers, &key("Deals"), &calls).await, (1, false));
    answers.forget(&[Place::base("appA")]).await;
    assert_eq!(read(&answers, &key("Deals"), &calls).await, (2, false));
    answers.forget(&[Place::base("appB")]).await;
    assert_eq!(read(&answers, &key("Deals"), &calls).await, (2, true));
}

#[tokio::test]
async fn a_read_that_began_before_a_write_is_not_found_after_it() {
    let (answers, calls) = (answers(), AtomicU32::new(7));
    let slow = async {
        answers.forget(&[Place::table("appA", "Deals")]).await;
        Ok(1_u32)
    };
    assert_eq!(answers.read(&key("Deals"), |_| HOUR, slow).await, Ok((1, false)));
    assert_eq!(read(&answers, &key("Deals"), &calls).await, (7, false));
}

#[tokio::test]
async fn errors_are_not_kept() {
    let (answers, calls) = (answers(), AtomicU32::new(0));
    let failed = answers.read::<u32, _>(&key("Deals"), |_| HOUR, async { Err(Error::Unreachable) }).await;
    assert_eq!(failed, Err(Error::Unreachable));
    assert_eq!(read(&answers, &key("Deals"), &calls).await, (0, false));
}

#[tokio::test]
async fn answers_are_removed_by_pattern_and_marks_stay() {
    let (answers, calls) = (answers(), AtomicU32::new(0));
    answers.forget(&[Place::table("appA", "Deals")]).await;
    read(&answers, &key("Deals"), &calls).await;
    read(&answers, &key("Other"), &calls).await;
    let mark = answers.marks(&key("Deals")).await;
    assert_eq!(answers.remove("Deals").await.unwrap(), 1);
    assert_eq!(
        (read(&answers, &key("Other"), &calls).await, read(&answers, &key("Deals"), &calls).await),
        ((1, true), (2, false))
    );
    assert_eq!(answers.remove("*").await.unwrap(), 2);
    assert_eq!(answers.marks(&key("Deals")).await, mark);
}

#[tokio::test(start_paused = true)]
async fn of_several_misses_at_once_one_asks() {
    let (answers, calls) = (answers(), AtomicU32::new(0));
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(calls.fetch_add(1, Ordering::Relaxed))
    };
    let key = key("Deals");
    let read = || answers.read(&key, |_| HOUR, slow());
    let (one, two, three) = tokio::join!(read(), read(), read());
    assert_eq!((one, two, three), (Ok((0, false)), Ok((0, true)), Ok((0, true))));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}
