//! The same tests on both stores, Redis against a real server.

use std::collections::BTreeSet;

use testkit::servers::Redis;

use super::*;

const LONG: Duration = Duration::from_secs(60);
/// Short enough to wait for, long enough to be read before.
const SHORT: Duration = Duration::from_millis(150);
const LIMIT: Duration = Duration::from_secs(10);

/// A cache in this process and one in Redis, with a namespace of their own; the server lives as long as what is given.
fn caches(test: &str) -> (Vec<Cache>, Option<Redis>) {
    let mut caches = vec![Cache::in_process(test, 1 << 20)];
    let redis = Redis::shared(test).expect("redis-server starts");
    if let Some(redis) = &redis {
        caches.push(Cache::redis(test, &redis.url()).expect("a good address"));
    }
    (caches, redis)
}

/// Polls until the key is gone.
async fn gone(cache: &Cache, key: &str) {
    let deadline = tokio::time::Instant::now() + LIMIT;
    while cache.keys(key).await.unwrap().contains(&key.to_owned()) {
        assert!(tokio::time::Instant::now() < deadline, "{key} stays in {}", cache.kind());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(cache.get(key).await.unwrap(), None);
}

#[tokio::test]
async fn values_come_back_and_go() {
    let (caches, _redis) = caches("values");
    for cache in caches {
        assert_eq!(cache.get("a").await.unwrap(), None);
        cache.set("a", "1", LONG).await.unwrap();
        cache.set("a", vec![0, 255], LONG).await.unwrap();
        assert_eq!(cache.get("a").await.unwrap().unwrap()[..], [0, 255]);
        assert!(cache.delete("a").await.unwrap() && !cache.delete("a").await.unwrap());
        assert_eq!(cache.check().run(LIMIT).await.reason, None);
    }
}

#[tokio::test]
async fn each_entry_ends_at_its_own_time() {
    let (caches, _redis) = caches("ends");
    for cache in caches {
        cache.set("short", "1", SHORT).await.unwrap();
        cache.set("long", "1", LONG).await.unwrap();
        cache.set("renewed", "1", SHORT).await.unwrap();
        assert!(cache.expire("renewed", LONG).await.unwrap());
        assert!(!cache.expire("absent", LONG).await.unwrap());
        gone(&cache, "short").await;
        assert!(cache.set_if_absent("short", "2", LONG).await.unwrap(), "an ended entry is absent");
        assert_eq!(cache.keys("").await.unwrap(), ["long", "renewed", "short"]);
    }
}

#[tokio::test]
async fn conditions_are_atomic() {
    let (caches, _redis) = caches("conditions");
    for cache in caches {
        assert!(cache.set_if_absent("a", "1", LONG).await.unwrap());
        assert!(!cache.set_if_absent("a", "2", LONG).await.unwrap());
        assert!(!cache.replace_if("a", b"2", "3", LONG).await.unwrap());
        assert!(cache.replace_if("a", b"1", "3", LONG).await.unwrap());
        assert!(!cache.replace_if("absent", b"", "3", LONG).await.unwrap());
        assert!(!cache.delete_if("a", b"1").await.unwrap());
        assert!(cache.delete_if("a", b"3").await.unwrap());
        let takers = (0..50).map(|number| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.set_if_absent("race", number.to_string(), LONG).await.unwrap() })
        });
        let won = futures::future::join_all(takers).await.into_iter().filter(|won| *won.as_ref().unwrap()).count();
        assert_eq!(won, 1, "{}", cache.kind());
    }
}

#[tokio::test]
async fn numbers_add_up_and_keep_their_end() {
    let (caches, _redis) = caches("numbers");
    for cache in caches {
        let adders = (0..40).map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.increment("n", 2, LONG).await.unwrap() })
        });
        let sums: BTreeSet<i64> = futures::future::join_all(adders).await.into_iter().map(|sum| sum.unwrap()).collect();
        assert_eq!((sums.len(), sums.last()), (40, Some(&80)));
        assert_eq!(cache.increment("n", -81, LONG).await.unwrap(), -1);
        assert_eq!(cache.increment("window", 1, SHORT).await.unwrap(), 1);
        assert_eq!(cache.increment("window", 1, LONG).await.unwrap(), 2);
        gone(&cache, "window").await;
        cache.set("word", "x", LONG).await.unwrap();
        assert!(matches!(cache.increment("word", 1, LONG).await, Err(Error::WrongKind)));
    }
}

#[tokio::test]
async fn lists_keep_their_last_values_in_order() {
    let (caches, _redis) = caches("lists");
    for cache in caches {
        for number in 1..=5 {
            let length = cache.push("list", number.to_string(), 3, LONG).await.unwrap();
            assert_eq!(length, number.min(3));
        }
        let last = |count| {
            let cache = cache.clone();
            async move { cache.last("list", count).await.unwrap().iter().map(|bytes| bytes[0]).collect::<Vec<u8>>() }
        };
        assert_eq!(last(2).await, *b"45");
        assert_eq!(last(9).await, *b"345");
        assert_eq!(last(0).await, *b"");
        assert!(cache.last("absent", 3).await.unwrap().is_empty());
        assert!(matches!(cache.get("list").await, Err(Error::WrongKind)));
        cache.set("one", "x", LONG).await.unwrap();
        assert!(matches!(cache.push("one", "x", 3, LONG).await, Err(Error::WrongKind)));
        assert!(matches!(cache.last("one", 3).await, Err(Error::WrongKind)));
        cache.set("list", "x", LONG).await.unwrap();
        assert_eq!(cache.get("list").await.unwrap().unwrap()[..], *b"x", "set replaces whatever was there");
    }
}

#[tokio::test]
async fn keys_are_found_by_prefix_and_pattern_inside_the_namespace_only() {
    let (caches, redis) = caches("keys*");
    let stranger = redis.as_ref().map(|redis| Cache::redis("keysX", &redis.url()).unwrap());
    if let Some(stranger) = &stranger {
        stranger.set("tables:a", "1", LONG).await.unwrap();
    }
    for cache in caches {
        for key in ["tables:a:1", "tables:a:2", "tables:b:1", "tables*", "other"] {
            cache.set(key, "1", LONG).await.unwrap();
        }
        assert_eq!(cache.keys("tables:").await.unwrap(), ["tables:a:1", "tables:a:2", "tables:b:1"]);
        assert_eq!(cache.keys("tables*").await.unwrap(), ["tables*"]);
        assert_eq!(cache.delete_matching("tables:?:1").await.unwrap(), 2);
        assert_eq!(cache.delete_prefix("tables:").await.unwrap(), 1);
        assert_eq!(cache.delete_matching("*").await.unwrap(), 2);
        assert!(cache.keys("").await.unwrap().is_empty());
    }
    if let Some(stranger) = &stranger {
        assert_eq!(stranger.keys("").await.unwrap(), ["tables:a"]);
    }
}

#[tokio::test]
async fn many_keys() {
    let (caches, _redis) = caches("many");
    for cache in caches {
        let sets = (0..1500).map(|number| {
            let cache = cache.clone();
            async move { cache.set(&format!("k{number}"), "1", LONG).await.unwrap() }
        });
        futures::future::join_all(sets).await;
        assert_eq!(cache.keys("k").await.unwrap().len(), 1500);
        assert_eq!(cache.delete_prefix("k").await.unwrap(), 1500);
    }
}

#[tokio::test]
async fn json_and_what_an_older_release_wrote() {
    let (caches, _redis) = caches("json");
    for cache in caches {
        cache.set_json("a", &vec![1, 2], LONG).await.unwrap();
        assert_eq!(cache.get_json::<Vec<u8>>("a").await.unwrap(), Some(vec![1, 2]));
        assert!(matches!(cache.get_json::<String>("a").await, Err(Error::Json(_))));
        assert_eq!(cache.lookup::<String>("a").await, None);
        cache.remember("b", "x", LONG).await;
        assert_eq!(cache.lookup::<String>("b").await.as_deref(), Some("x"));
    }
}

#[tokio::test]
async fn a_lock_has_one_holder() {
    let (caches, _redis) = caches("lock");
    for cache in caches {
        let lock = cache.lock("job", LONG).await.unwrap().unwrap();
        assert!(cache.lock("job", LONG).await.unwrap().is_none());
        assert!(lock.extend(LONG).await.unwrap());
        assert!(lock.release().await.unwrap());
        let lost = cache.lock("job", SHORT).await.unwrap().unwrap();
        gone(&cache, "lock:job").await;
        let next = cache.lock("job", LONG).await.unwrap().unwrap();
        assert!(!lost.extend(LONG).await.unwrap(), "the lock is someone else's by now");
        assert!(!lost.release().await.unwrap());
        assert!(next.release().await.unwrap());
    }
}

#[tokio::test]
async fn the_cache_in_this_process_is_bounded() {
    let cache = Cache::in_process("bounded", 64 << 10);
    for number in 0..1000 {
        cache.set(&number.to_string(), vec![0; 1000], LONG).await.unwrap();
    }
    let Store::Memory(memory) = &cache.store else { unreachable!("made in this process") };
    memory.settle().await;
    let kept = cache.keys("").await.unwrap();
    assert!(kept.len() <= 64 && kept.len() > 32, "{}", kept.len());
    assert!(kept.contains(&"999".to_owned()), "the newest stays");
}

#[tokio::test]
async fn a_redis_that_is_away_is_a_miss_or_an_error_and_comes_back() {
    let Some(redis) = Redis::own("cache away").unwrap() else { return };
    let url = redis.url();
    let cache = Cache::redis("away", &url).unwrap();
    cache.set("a", "1", LONG).await.unwrap();
    drop(redis);
    assert!(matches!(cache.get("a").await, Err(Error::Unavailable(_))));
    assert_eq!(cache.lookup::<i32>("a").await, None);
    cache.remember("a", &1, LONG).await;
    let problem = Problem::from(cache.get("a").await.unwrap_err());
    assert_eq!(problem.status().as_u16(), 503);
    assert!(cache.check().run(LIMIT).await.reason.is_some());
    assert!(Cache::redis("x", "http://nowhere").is_err());
}
