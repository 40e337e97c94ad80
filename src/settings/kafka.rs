//! The Kafka cluster: from options, files and the environment; its password never from an argument.

use std::path::Path;

use super::{Env, password, tls};
use crate::cli::KafkaArgs;
use crate::kafka::{Cluster, Mechanism, Sasl, Tls};
use crate::model::Problem;

/// The cluster that `args` and the environment name, and warnings about how it was given.
///
/// # Errors
/// Usage when no brokers are named or credentials are incomplete; local for a file that cannot be read.
pub(super) fn resolve(args: &KafkaArgs, env: &Env) -> Result<(Cluster, Vec<String>), Problem> {
    let mut warnings = Vec::new();
    let given = |flag: &Option<String>, variable| {
        let of_env = || env.text(variable).map(|it| it.value);
        flag.clone()
            .or_else(of_env)
            .filter(|it| !it.trim().is_empty())
    };
    let Some(brokers) = given(&args.brokers, "UCP_STREAMS_KAFKA") else {
        return Err(Problem::usage("no Kafka brokers are named")
            .hint("give --brokers HOST:PORT,... or set $UCP_STREAMS_KAFKA"));
    };
    if brokers.contains('@') || brokers.contains("://") {
        return Err(Problem::usage("brokers are named as HOST:PORT,... without a scheme or a user")
            .hint("the user is given by --kafka-user, and the password by --kafka-password-file or $UCP_STREAMS_KAFKA_PASSWORD"));
    }
    let tls = tls_of(args)?;
    let user = given(&args.kafka_user, "UCP_STREAMS_KAFKA_USER");
    let secret = match &args.kafka_password_file {
        Some(file) => Some(password::from_file(file, &mut warnings)?),
        None => env.text("UCP_STREAMS_KAFKA_PASSWORD").map(|it| it.value),
    };
    let sasl = match (user, secret) {
        (Some(user), Some(password)) => Some(Sasl {
            mechanism: args.kafka_sasl,
            user,
            password,
        }),
        (Some(_), None) => {
            return Err(
                Problem::usage("a Kafka user is named, and no password is there")
                    .hint("give --kafka-password-file FILE or set $UCP_STREAMS_KAFKA_PASSWORD"),
            );
        }
        (None, Some(_)) if args.kafka_password_file.is_some() => {
            return Err(Problem::usage("--kafka-password-file needs a user")
                .hint("give --kafka-user USER or set $UCP_STREAMS_KAFKA_USER"));
        }
        (None, _) => None,
    };
    let is_open = tls.is_none();
    if sasl
        .as_ref()
        .is_some_and(|it| it.mechanism == Mechanism::Plain)
        && is_open
    {
        warnings.push(
            "--kafka-sasl plain without TLS sends the password as it is; add --kafka-tls"
                .to_owned(),
        );
    }
    let cluster = Cluster { brokers, tls, sasl };
    Ok((cluster, warnings))
}

fn tls_of(args: &KafkaArgs) -> Result<Option<Tls>, Problem> {
    let files = [
        ("--kafka-ca", &args.kafka_ca),
        ("--kafka-cert", &args.kafka_cert),
        ("--kafka-key", &args.kafka_key),
    ];
    let mut is_asked_for = args.kafka_tls;
    for (flag, file) in files {
        if let Some(file) = file {
            tls::readable(flag, Path::new(file))?;
            is_asked_for = true;
        }
    }
    Ok(is_asked_for.then(|| Tls {
        ca: args.kafka_ca.clone(),
        identity: args.kafka_cert.clone().zip(args.kafka_key.clone()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(set: &'static [(&'static str, &'static str)]) -> Env {
        Env::of(|name| {
            let found = set.iter().find(|(of, _)| *of == name);
            found.map(|(_, value)| value.into())
        })
    }

    #[test]
    fn options_come_before_the_environment() {
        let args = KafkaArgs {
            brokers: Some("a:1".to_owned()),
            ..KafkaArgs::default()
        };
        let set = env(&[
            ("UCP_STREAMS_KAFKA", "b:2"),
            ("UCP_STREAMS_KAFKA_USER", "u"),
            ("UCP_STREAMS_KAFKA_PASSWORD", "secret"),
        ]);
        let (cluster, warnings) = resolve(&args, &set).expect("resolved");
        assert_eq!(cluster.brokers, "a:1");
        let sasl = cluster.sasl.as_ref().expect("credentials");
        assert_eq!(
            (sasl.user.as_str(), sasl.password.as_str()),
            ("u", "secret")
        );
        assert!(!format!("{cluster:?}").contains("secret"));
        assert!(warnings.is_empty(), "{warnings:?}");
        let (cluster, _) = resolve(&KafkaArgs::default(), &set).expect("resolved");
        assert_eq!(cluster.brokers, "b:2");
    }

    #[test]
    fn what_is_incomplete_is_refused() {
        let none = resolve(&KafkaArgs::default(), &env(&[]));
        assert!(none.expect_err("no brokers").hint.is_some());
        let named = env(&[
            ("UCP_STREAMS_KAFKA", "b:2"),
            ("UCP_STREAMS_KAFKA_USER", "u"),
        ]);
        assert!(resolve(&KafkaArgs::default(), &named).is_err());
        let url = env(&[("UCP_STREAMS_KAFKA", "kafka://u:p@b:2")]);
        let refused = resolve(&KafkaArgs::default(), &url).expect_err("a URL");
        assert!(!refused.message.contains("u:p"));
        let open = env(&[
            ("UCP_STREAMS_KAFKA", "b:2"),
            ("UCP_STREAMS_KAFKA_USER", "u"),
            ("UCP_STREAMS_KAFKA_PASSWORD", "p"),
        ]);
        let args = KafkaArgs {
            kafka_sasl: Mechanism::Plain,
            ..KafkaArgs::default()
        };
        assert_eq!(resolve(&args, &open).expect("resolved").1.len(), 1);
    }
}
