//! A browser without JavaScript: keeps cookies, says where its forms come from.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU8, Ordering},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use tower::ServiceExt as _;
use tuntas_gateway::web::{self, Web};

const BOUNDARY: &str = "----batas-formulir";

/// Where a form says it comes from.
pub(crate) const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");

pub(crate) struct Browser {
    router: Router,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) address: IpAddr,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        let values = self.headers.get_all(header::SET_COOKIE).iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }
}

impl Browser {
    /// At an address of its own.
    pub(crate) fn new(web: &Web) -> Self {
        static LAST: AtomicU8 = AtomicU8::new(1);
        Self {
            router: web::router(web),
            cookies: BTreeMap::new(),
            address: Ipv4Addr::new(192, 0, 2, LAST.fetch_add(1, Ordering::Relaxed)).into(),
        }
    }

    /// In English.
    pub(crate) fn in_english(mut self) -> Self {
        self.cookies.insert("bahasa".to_owned(), "en".to_owned());
        self
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Body::empty()).await
    }

    /// Sends a form of this site.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let headers = [SAME_ORIGIN, ("content-type", "application/x-www-form-urlencoded")];
        let body = serde_urlencoded::to_string(fields).unwrap();
        self.send(Method::POST, path, &headers, body.into()).await
    }

    /// Sends a form with files, as name and content.
    pub(crate) async fn post_files(&mut self, path: &str, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.extend([head.as_bytes(), value.as_bytes(), b"\r\n"].concat());
        }
        for (name, content) in files {
            // As browsers do it (HTML, multipart/form-data encoding algorithm).
            let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
            let head = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"berkas\"; filename=\"{name}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            );
            body.extend([head.as_bytes(), content, b"\r\n"].concat());
        }
        body.extend(format!("--{BOUNDARY}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.send(Method::POST, path, &[SAME_ORIGIN, ("content-type", &kind)], body.into())
            .await
    }

    pub(crate) async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: Body) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1:7300")
            .extension(ConnectInfo(SocketAddr::new(self.address, 40_000)));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        // Live updates never end.
        let is_live = parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "text/event-stream");
        let body = if is_live { Body::empty() } else { body };
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: axum::body::to_bytes(body, 64 << 20).await.unwrap(),
        };
        for cookie in answer.set_cookies() {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            match cookie.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }
}
