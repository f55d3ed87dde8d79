//! Turns, with a clock that is moved by hand.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

async fn take(limiter: &Limiter, base: &str) -> Duration {
    limiter.turn(base, Instant::now() + MINUTE).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn never_more_than_five_in_any_second() {
    let limiter = Limiter::new(5, 100);
    let begin = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..23 {
        let limiter = limiter.clone();
        tasks.push(tokio::spawn(async move {
            take(&limiter, "appA").await;
            Instant::now()
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.push(task.await.unwrap() - begin);
    }
    times.sort_unstable();
    for window in times.windows(6) {
        assert!(window[5] - window[0] > Duration::from_secs(1), "{window:?}");
    }
    assert!(times[22] < Duration::from_millis(4 * 1_050 + 10), "and no slower than it must: {:?}", times[22]);
}

#[tokio::test(start_paused = true)]
async fn bases_do_not_wait_for_each_other() {
    let limiter = Limiter::new(1, 100);
    assert_eq!(take(&limiter, "appA").await, Duration::ZERO);
    assert_eq!(take(&limiter, "appB").await, Duration::ZERO);
    assert!(take(&limiter, "appA").await >= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_penalty_holds_back_those_who_wait_already() {
    let limiter = Limiter::new(1, 100);
    take(&limiter, "appA").await;
    let waiting = tokio::spawn({
        let limiter = limiter.clone();
        async move { take(&limiter, "appA").await }
    });
    tokio::task::yield_now().await;
    limiter.rest("appA", Duration::from_secs(30));
    let waited = waiting.await.unwrap();
    assert!(waited >= Duration::from_secs(30) && waited < Duration::from_secs(31), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn who_cannot_have_a_turn_in_time_is_told_at_once() {
    let limiter = Limiter::new(1, 100);
    let begin = Instant::now();
    take(&limiter, "appA").await;
    let refused = limiter.turn("appA", begin + Duration::from_millis(500)).await;
    assert_eq!((refused, Instant::now()), (Err(TooLate(WINDOW)), begin));
    limiter.rest("appA", Duration::from_secs(30));
    let refused = limiter.turn("appA", begin + Duration::from_secs(10)).await;
    assert_eq!(refused, Err(TooLate(Duration::from_secs(30))));
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded() {
    let limiter = Limiter::new(1, 2);
    take(&limiter, "appA").await;
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { take(&limiter, "appA").await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(limiter.turn("appA", Instant::now() + MINUTE).await, Err(TooLate(WINDOW * 3)));
    for task in waiting {
        task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn idle_bases_are_forgotten() {
    let limiter = Limiter::new(5, 10);
    for number in 0..BASES_MAX {
        take(&limiter, &format!("app{number}")).await;
    }
    tokio::time::advance(MINUTE).await;
    take(&limiter, "appNew").await;
    assert_eq!(limiter.bases.lock().unwrap().len(), 1);
}
