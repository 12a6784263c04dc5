//! The hub's routes, played by a server on this machine: what is asked, what is kept, what happens when it fails.
#![cfg(feature = "hub")]
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failure")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rec_encoder::{Hub, TextEncoder};
use rec_testkit::{device, fixture_path};

const ID: &str = "tiny/bert";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A server that gives the files of a folder as one commit of a model.
struct Server {
    url: String,
    /// The paths that were asked for.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (folder, log) = (folder.clone(), Arc::clone(&log));
                std::thread::spawn(move || {
                    // A client that goes away in the middle is none of the server's business.
                    let _ = serve(stream.unwrap(), &folder, &log);
                });
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn serve(stream: TcpStream, folder: &Path, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let (mut request, mut range) = (String::new(), None);
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(bytes) = line.to_lowercase().strip_prefix("range: bytes=") {
                range = Some(bytes.trim().to_owned());
            }
        }
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        log.lock().unwrap().push(path.clone());
        let resolve = format!("/{ID}/resolve/{COMMIT}/");
        let body = if path == format!("/api/models/{ID}/revision/main") {
            Some(info(folder).into_bytes())
        } else {
            path.strip_prefix(&resolve).and_then(|file| fs::read(folder.join(file)).ok())
        };
        let Some(body) = body else {
            stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        let total = body.len();
        let (from, to) = match range.as_deref().and_then(|range| range.split_once('-')) {
            Some((from, to)) => {
                (from.parse().unwrap(), to.parse().map_or(total, |to: usize| (to + 1).min(total)))
            }
            None => (0, total),
        };
        let part = &body[from..to];
        write!(
            stream,
            "HTTP/1.1 {}\r\nContent-Length: {}\r\nContent-Range: bytes {from}-{}/{total}\r\nETag: \"{}\"\r\nX-Repo-Commit: {COMMIT}\r\n\r\n",
            if range.is_some() { "206 Partial Content" } else { "200 OK" },
            part.len(),
            to.saturating_sub(1),
            path.replace('/', "-"),
        )?;
        stream.write_all(part)?;
    }
}

fn info(folder: &Path) -> String {
    fn walk(at: &Path, prefix: &str, files: &mut Vec<serde_json::Value>) {
        for entry in fs::read_dir(at).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), &format!("{name}/"), files);
            } else {
                files.push(serde_json::json!({ "rfilename": name }));
            }
        }
    }
    let mut files = Vec::new();
    walk(folder, "", &mut files);
    serde_json::json!({ "sha": COMMIT, "siblings": files }).to_string()
}

fn hub(server: &Server, cache: &Path) -> Hub {
    Hub::from_env().endpoint(&server.url).cache_dir(cache).offline(false)
}

#[test]
fn a_model_is_downloaded_once() {
    let (original, cache) = (fixture_path("bert/tiny-dense"), tempfile::tempdir().unwrap());
    let server = Server::start(original.clone());
    let hub = hub(&server, cache.path());

    // Nothing is there yet, and offline nobody is asked.
    let error = hub.clone().offline(true).model(ID).unwrap_err();
    assert!(error.is_hub() && error.to_string().contains(ID), "{error}");
    assert!(server.asked().is_empty());

    let folder = hub.model(ID).unwrap();
    let asked = server.asked();
    assert!(asked.iter().any(|path| path.ends_with("model-00002-of-00002.safetensors")), "{asked:?}");
    assert!(!asked.iter().any(|path| path.ends_with("expected.safetensors")), "{asked:?}");
    let [downloaded, local] =
        [&folder, &original].map(|folder| TextEncoder::from_dir(folder, &device()).unwrap());
    assert_eq!(downloaded.space(), local.space());

    // Again: one question for the commit, no file.
    assert_eq!(hub.model(ID).unwrap(), folder);
    assert_eq!(server.asked(), [format!("/api/models/{ID}/revision/main")]);
    // Offline: none.
    assert_eq!(hub.offline(true).model(ID).unwrap(), folder);
    assert!(server.asked().is_empty());
}

#[test]
fn what_the_hub_does_not_give_is_an_error() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(fixture_path("bert/tiny"));
    let hub = hub(&server, cache.path());
    let error = hub.model("tiny/unknown").unwrap_err();
    assert!(error.is_hub() && error.to_string().contains("tiny/unknown at main"), "{error}");
    let error = hub.clone().revision("v9").model(ID).unwrap_err();
    assert!(error.to_string().contains("at v9"), "{error}");
    let nobody = hub.endpoint("http://127.0.0.1:1").model(ID).unwrap_err();
    assert!(nobody.is_hub(), "{nobody}");

    // A repository without weights is no model.
    let empty = tempfile::tempdir().unwrap();
    fs::copy(fixture_path("bert/tiny/config.json"), empty.path().join("config.json")).unwrap();
    let server = Server::start(empty.path().to_owned());
    let cache = tempfile::tempdir().unwrap();
    assert!(self::hub(&server, cache.path()).model(ID).unwrap_err().is_hub());
}
