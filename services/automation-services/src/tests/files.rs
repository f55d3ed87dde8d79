//! Files from upload to removal.

use super::harness::{Harness, databases};
use crate::extract::tests::build;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_life_of_a_file_on_every_database() {
    let folder = tempfile::tempdir().unwrap();
    for (url, _server) in databases("the_life_of_a_file", folder.path()) {
        let harness = Harness::on(&url).await;
        let api = &harness.api;
        let (status, uploaded) =
            api.upload("../Bericht ä.docx", build::docx("<w:p><w:r><w:t>Hallo Welt</w:t></w:r></w:p>")).await;
        assert_eq!(
            (status, &uploaded["status"], &uploaded["filename"]),
            (200, &json!("uploaded"), &json!("Bericht ä.docx"))
        );
        let id = uploaded["file_id"].as_str().unwrap();
        let (status, processed) = api.post(&format!("/files/process/{id}"), &Value::Null).await;
        assert_eq!((status, &processed["status"]), (200, &json!("processed")), "{processed}");
        assert_eq!(processed["metadata"], json!({"paragraphs": 1, "characters": 10, "words": 2, "truncated": false}));
        let (_, text) = api.get(&format!("/files/extract/{id}")).await;
        assert_eq!((&text["content"], &text["truncated"]), (&json!("Hallo Welt"), &json!(false)));
        // Asked for its text first, a file is processed by that.
        let (_, csv) = api.upload("a.csv", b"x,y\n1,2\n".to_vec()).await;
        let (_, text) = api.get(&format!("/files/extract/{}", csv["id"].as_str().unwrap())).await;
        assert_eq!((&text["content"], &text["metadata"]["rows"]), (&json!("x,y\n1,2"), &json!(2)));
        let (_, broken) = api.upload("b.pdf", b"no pdf".to_vec()).await;
        let broken = broken["id"].as_str().unwrap();
        let (status, problem) = api.post(&format!("/files/process/{broken}"), &Value::Null).await;
        assert_eq!((status, &problem["detail"]), (422, &json!("not a readable pdf file: no PDF header")));
        let (_, row) = api.get(&format!("/files/{broken}")).await;
        assert_eq!((&row["status"], &row["error_message"]), (&json!("failed"), &problem["detail"]));
        assert_eq!(api.get(&format!("/files/extract/{broken}")).await.0, 422);
        assert_eq!(api.delete(&format!("/files/{id}")).await.0, 200);
        assert_eq!(api.delete(&format!("/files/{id}")).await.0, 404);
        assert_eq!(api.get(&format!("/files/{id}")).await.0, 404);
        let (_, list) = api.get("/files?limit=1").await;
        assert_eq!((&list["total"], &list["files"][0]["id"], &list["limit"]), (&json!(2), &json!(broken), &json!(1)));
        let (_, deleted) = api.get("/files?status=deleted").await;
        assert_eq!((&deleted["total"], &deleted["files"][0]["id"]), (&json!(1), &json!(id)));
        let (_, stats) = api.get("/files/stats/summary").await;
        let expected = json!({
            "total_files": 2, "total_size_bytes": 14, "average_size_bytes": 7.0,
            "files_by_status": {"uploaded": 0, "processing": 0, "processed": 1, "failed": 1, "deleted": 1},
            "files_by_extension": {".csv": 1, ".pdf": 1},
        });
        assert_eq!(stats, expected);
        harness.stop().await;
    }
}

#[tokio::test]
async fn uploads_that_are_refused_leave_nothing() {
    let harness = Harness::new().await;
    let api = &harness.api;
    let (status, problem) = api.upload("virus.exe", b"MZ".to_vec()).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("file")));
    assert_eq!(api.upload("empty.txt", Vec::new()).await.0, 422);
    assert_eq!(api.upload("large.txt", vec![b'x'; 2_000_001]).await.0, 413);
    assert_eq!(api.upload("larger.txt", vec![b'x'; 4_000_000]).await.0, 413);
    let form = reqwest::multipart::Form::new().text("other", "x");
    let (status, problem) = api.send(api.request("/files/upload").multipart(form)).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("file")));
    assert_eq!(api.get("/files?status=lost").await.0, 422);
    let (_, list) = api.get("/files").await;
    assert_eq!(list["total"], 0);
    let left: Vec<_> = std::fs::read_dir(harness.folder().join("files")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    harness.stop().await;
}

#[tokio::test]
async fn uploads_and_texts_start_workflows_that_listen() {
    let harness = Harness::new().await;
    let api = &harness.api;
    let steps = json!([{"type": "file_process"}, {"type": "log", "message": "{filename}: {content}"}]);
    let on_upload = api.workflow(steps, json!({"triggers": [{"type": "file_upload", "extensions": [".txt"]}]})).await;
    let steps = json!([{"type": "log", "message": "ready: {content}"}]);
    let on_text = api.workflow(steps, json!({"triggers": ["file_processed"]})).await;
    let off = api
        .workflow(json!([{"type": "log", "message": "x"}]), json!({"triggers": ["file_upload"], "is_enabled": false}))
        .await;
    let (_, text) = api.upload("a.txt", b"hello".to_vec()).await;
    assert_eq!(text["workflows_triggered"], 1);
    let (_, csv) = api.upload("a.csv", b"hello".to_vec()).await;
    assert_eq!(csv["workflows_triggered"], 0);
    for (workflow, trigger, message) in
        [(&on_upload, "file_upload", "a.txt: hello"), (&on_text, "file_processed", "ready: hello")]
    {
        let list = api
            .until(&format!("/workflows/{workflow}/executions"), |list| list["executions"][0]["status"] == "completed")
            .await;
        assert_eq!((&list["total"], &list["executions"][0]["trigger_type"]), (&json!(1), &json!(trigger)));
        let results = list["executions"][0]["result"]["results"].as_array().unwrap();
        assert_eq!(results.last().unwrap()["result"]["message"], message);
    }
    let (_, none) = api.get(&format!("/workflows/{off}/executions")).await;
    assert_eq!(none["total"], 0);
    harness.stop().await;
}
