//! Images without a shell, containers that go away.

use computesdk_docker_host::error::Error;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{real_engine, with_container_of};
use crate::{DEBIAN, Sandbox, in_both, sh};

const SHELL_LESS: &str = "computesdk-test/scratch:1";

#[tokio::test]
async fn an_image_without_a_shell_is_told() {
    let Some(engine) = real_engine("an_image_without_a_shell_is_told").await else { return };
    if engine.inspect_image(SHELL_LESS).await.expect("an answer").is_none() {
        eprintln!(
            "skipped an_image_without_a_shell_is_told: no {SHELL_LESS}, `node scripts/images.js` makes it"
        );
        return;
    }
    let spec = json!({ "Image": SHELL_LESS, "Entrypoint": ["/sleep", "600"] });
    with_container_of(&engine, spec, async |engine, id| {
        let sandbox = Sandbox::new(engine, id, None);
        let what = "the image has no /bin/sh, which session 'exec' needs";
        assert!(sandbox.refusal(sh("true")).await.starts_with(what));
        for error in [
            sandbox.session.start(sh("true")).await.expect_err("a refusal"),
            sandbox.session.read_file("/x").await.expect_err("a refusal"),
            sandbox.session.exists("/x").await.expect_err("a refusal"),
        ] {
            assert!(matches!(&error, Error::CannotRun { what: told } if told.starts_with(what)), "{error:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_container_that_goes_away_fails_what_runs_in_it() {
    in_both("a_container_that_goes_away_fails_what_runs_in_it", async |sandbox: Sandbox| {
        let stop = CancellationToken::new();
        let act = async {
            sandbox.until_count("31006", 1).await;
            sandbox.engine.stop_container(&sandbox.id, 1).await.expect("stopped");
        };
        let ((exit, ..), ()) = tokio::join!(sandbox.run_until(sh("sleep 31006; true"), &stop), act);
        assert!(matches!(exit, Err(Error::SessionLost { .. })), "{exit:?}");
        let later = sandbox.session.read_file("/etc/passwd").await;
        assert!(matches!(later, Err(Error::SandboxStopped { .. })), "{later:?}");
    })
    .await;
}

#[tokio::test]
async fn an_unknown_user_is_told() {
    let Some(engine) = real_engine("an_unknown_user_is_told").await else { return };
    let spec = json!({ "Image": DEBIAN, "Entrypoint": ["sleep", "600"] });
    with_container_of(&engine, spec, async |engine, id| {
        let told = Sandbox::new(engine, id, Some("nobody-here")).refusal(sh("true")).await;
        assert!(told.contains("nobody-here"), "{told}");
    })
    .await;
}
