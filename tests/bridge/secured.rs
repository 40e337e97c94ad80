//! Bridges to brokers that want TLS, certificates or a password.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use krafka::testing::FakeBroker;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::support::authority::{Authority, Pair};
use crate::support::{Broker, Run, TestServer, directory};
use crate::{TOPIC, add, assert_carried, bridge_through};

/// TLS before a broker, until it is dropped.
struct Front {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Front {
    /// With this certificate; clients show one of `clients`, when that is given.
    fn before(broker: &Broker, own: &Pair, clients: Option<&Authority>) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config(own, clients)));
        let broker: SocketAddr = broker.brokers().parse().unwrap();
        let runtime = Runtime::new().unwrap();
        // The broker's own port, so that the address that it tells has only to be this one.
        let place = (Ipv4Addr::LOCALHOST, broker.port());
        let listener = runtime.block_on(TcpListener::bind(place)).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // What goes wrong is the client's to tell.
                    let _ = pass(client, acceptor, broker).await;
                });
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }
}

fn config(own: &Pair, clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let certificates = |file: &str| {
        let found = CertificateDer::pem_file_iter(file).unwrap();
        found.map(Result::unwrap).collect::<Vec<_>>()
    };
    let builder = match clients {
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(authority.ca()) {
                roots.add(certificate).unwrap();
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::from_pem_file(&own.key).unwrap();
    let own = certificates(own.cert.to_str().unwrap());
    builder.with_single_cert(own, key).unwrap()
}

/// Requests as they are; answers with the front's address in place of the broker's.
async fn pass(client: TcpStream, acceptor: TlsAcceptor, broker: SocketAddr) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = split(acceptor.accept(client).await?);
    let (mut from_broker, mut to_broker) = TcpStream::connect(broker).await?.into_split();
    let (told, own) = (broker.ip().to_string(), Ipv4Addr::LOCALHOST.to_string());
    let answers = async {
        loop {
            let length = from_broker.read_u32().await?;
            let mut answer = vec![0; length as usize];
            from_broker.read_exact(&mut answer).await?;
            let mut from = 0;
            while let Some(at) =
                { answer[from..].windows(told.len()) }.position(|part| part == told.as_bytes())
            {
                from += at + told.len();
                answer[from - told.len()..from].copy_from_slice(own.as_bytes());
            }
            to_client.write_u32(length).await?;
            to_client.write_all(&answer).await?;
            to_client.flush().await?;
        }
    };
    tokio::select! {
        ended = answers => ended,
        sent = copy(&mut from_client, &mut to_broker) => sent.map(drop),
    }
}

/// A stream, a broker and its topic.
fn start() -> (TestServer, Broker) {
    let (server, broker) = (TestServer::start(), Broker::start());
    broker.topic(TOPIC, 2);
    add(&server, 200);
    (server, broker)
}

fn carry(server: &TestServer, front: &Front, options: &[&str]) -> Run {
    let options = [&["--once"], options].concat();
    bridge_through(server, &front.address.to_string(), &options).run()
}

#[test]
fn with_tls_both_bridges_and_the_proof_do_as_without() {
    let (server, broker) = start();
    let authority = Authority::new();
    let front = Front::before(&broker, &authority.sign("broker", &["127.0.0.1"]), None);
    let trusted = ["--kafka-ca", authority.ca()];
    carry(&server, &front, &trusted).assert_code(0);
    assert_carried(&server, &broker.records(TOPIC));
    let run = |words: &[&str]| {
        let words = [words, &trusted].concat();
        let command = server.command(&words);
        command
            .env("UCP_STREAMS_KAFKA", front.address.to_string())
            .run()
    };
    run(&["bridge", "from-kafka", TOPIC, "--to", "again", "--once"]).assert_code(0);
    run(&["bridge", "verify", "events", "--topic", TOPIC]).assert_code(0);
    run(&[
        "bridge", "verify", "again", "--topic", TOPIC, "--origin", "events",
    ])
    .assert_code(0);
    // Its names are in the system's, or in the environment's, authorities.
    let words = [
        "bridge",
        "verify",
        "events",
        "--topic",
        TOPIC,
        "--kafka-tls",
    ];
    let known = server.command(&words);
    let known = known.env("UCP_STREAMS_KAFKA", front.address.to_string());
    known
        .env("SSL_CERT_FILE", authority.ca())
        .run()
        .assert_code(0);
}

#[test]
fn a_broker_that_nobody_vouches_for_gets_nothing() {
    let (server, broker) = start();
    let (authority, other) = (Authority::new(), Authority::named("another authority"));
    let front = Front::before(&broker, &authority.sign("broker", &["127.0.0.1"]), None);
    carry(&server, &front, &["--kafka-ca", other.ca()])
        .assert_code(5)
        .stderr_has("certificate");
    carry(&server, &front, &["--kafka-tls"])
        .assert_code(5)
        .stderr_has("certificate");
    drop(front);
    let front = Front::before(&broker, &authority.sign("other", &["kafka-9"]), None);
    carry(&server, &front, &["--kafka-ca", authority.ca()])
        .assert_code(5)
        .stderr_has("certificate");
    // Without TLS, a broker that speaks it does not answer.
    carry(&server, &front, &[]).assert_code(4);
    assert!(broker.records(TOPIC).is_empty());
}

#[test]
fn a_broker_that_asks_for_a_certificate_gets_it() {
    let (server, broker) = start();
    let authority = Authority::new();
    let own = authority.sign("broker", &["127.0.0.1"]);
    let front = Front::before(&broker, &own, Some(&authority));
    let trusted = ["--kafka-ca", authority.ca()];
    let bare = carry(&server, &front, &trusted);
    bare.assert_code(5).stderr_has("ertificate");
    let strangers = Authority::named("another authority");
    let show = |pair: &Pair| {
        let (cert, key) = (pair.cert.to_str().unwrap(), pair.key.to_str().unwrap());
        let more = ["--kafka-cert", cert, "--kafka-key", key];
        carry(&server, &front, &[&trusted[..], &more].concat())
    };
    show(&strangers.sign("stranger", &["bridge"])).assert_code(5);
    assert!(broker.records(TOPIC).is_empty());
    show(&authority.sign("bridge", &["bridge"])).assert_code(0);
    assert_carried(&server, &broker.records(TOPIC));
}

#[test]
fn a_broker_that_asks_for_a_password_gets_it_from_a_file_or_the_environment() {
    let server = TestServer::start();
    add(&server, 50);
    let runtime = Runtime::new().unwrap();
    let fake = runtime.block_on(FakeBroker::start()).unwrap();
    assert!(fake.create_topic(TOPIC, 1));
    fake.require_sasl_plain("bridge", "wide open");
    let home = directory();
    let file = home.path().join("password");
    fs::write(&file, "wide open\n").unwrap();
    let only_me = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&file, only_me).unwrap();
    let with = |options: &[&str]| {
        let sasl = ["--once", "--kafka-sasl", "plain"];
        let options = [&sasl[..], options].concat();
        bridge_through(&server, &fake.bootstrap_servers(), &options)
    };
    let user = ["--kafka-user", "bridge"];
    let wrong = with(&user)
        .env("UCP_STREAMS_KAFKA_PASSWORD", "wide shut")
        .run();
    wrong.assert_code(5).stderr_lacks("wide shut");
    with(&["--kafka-user", "other"])
        .env("UCP_STREAMS_KAFKA_PASSWORD", "wide open")
        .run()
        .assert_code(5);
    assert!(fake.all_records(TOPIC).unwrap().is_empty());
    with(
        &[
            &user[..],
            &["--kafka-password-file", file.to_str().unwrap()],
        ]
        .concat(),
    )
    .run()
    .assert_code(0)
    .stderr_has("sends the password as it is");
    add(&server, 50);
    with(&[])
        .env("UCP_STREAMS_KAFKA_USER", "bridge")
        .env("UCP_STREAMS_KAFKA_PASSWORD", "wide open")
        .run()
        .assert_code(0);
    assert_eq!(fake.all_records(TOPIC).unwrap().len(), 100);
}
