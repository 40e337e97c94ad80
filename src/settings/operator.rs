//! Who runs this, and where.

use super::Env;

/// The one who runs this command, as audit records name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// `$SUDO_USER`, `$USER` or `$LOGNAME`, else the number of the user.
    pub user: String,
    /// The name of this machine.
    pub host: String,
}

impl Operator {
    pub(super) fn of(env: &Env) -> Self {
        let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter();
        let user = named
            .filter_map(|it| env.text(it))
            .map(|it| it.value)
            .next();
        Self {
            user: user.unwrap_or_else(|| rustix::process::geteuid().as_raw().to_string()),
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
        }
    }
}
