import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from spk.config import ServiceSettings, Settings
from spk.embed import MODELS
from spk.errors import InputError, NotFoundError
from spk.identify import OperatingPoint, default_calibration
from spk.identify.decision import VERIFICATION
from spk.store import CalibrationRecord
from spk.workbench import Workbench


@pytest.fixture
def home(tmp_path) -> Path:
    return tmp_path / "home with spaces"


@pytest.fixture
def write(home):
    """Write ``spk.toml`` in the home."""
    home.mkdir()
    return lambda text: (home / "spk.toml").write_text(text, encoding="utf-8")


def test_defaults(home):
    settings = Settings.read({}, home=home)
    assert settings == Settings(home, gallery="default", model=None, precision="full", device="cpu", threads=0)
    assert settings.fpir is settings.prior_unknown is None
    assert settings.cost is None
    assert not home.exists()  # reading settings makes nothing


def test_the_home_is_the_users_by_default(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert Settings.read({}).home.name == "spk"


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)][1:])
def test_option_before_environment_before_file_before_default(name, home, write):
    given = {
        "gallery": ("a", "b", "c", "default"),
        "model": ("campplus", "resnet34", "ecapa+resnet34", None),
        "precision": ("full", "fast", "full", "full"),
        "device": ("cpu", "cuda", "cpu", "cpu"),
        "threads": (3, 2, 1, 0),
        "fpir": (0.01, 0.02, 0.03, None),
        "cost": ("miss=1,false=9,prior=0.1", "miss=1,false=9,prior=0.2", "miss=1,false=9,prior=0.3", None),
        "prior_unknown": (0.1, 0.2, 0.3, None),
        "database": ("postgresql://a/a", "postgresql://b/b", "postgresql://c/c", None),
        "engine_down": ("refuse", "exact", "refuse", "exact"),
        "qdrant_key": ("a", "b", "c", None),
        "keep_audio": ("none", "samples", "clips", "clips"),
        "keep_audio_days": (1.0, 2.0, 3.0, 90.0),
        "learn": ("never", "confident", "never", "confirmed"),
        "keep_decisions": (1.0, 2.0, 3.0, 30.0),
        "keep_recordings": (1.0, 2.0, 3.0, 365.0),
        "keep_undo": (1.0, 2.0, 3.0, 30.0),
        "server": ("http://a", "http://b", "http://c", None),
        "key": ("a", "b", "c", None),
    }[name]
    option, variable, line, default = given
    write(f"{name} = {line!r}")
    environment = {f"SPK_{name.upper()}": str(variable)}
    assert getattr(Settings.read(environment, home=home, **{name: option}), name) == option
    assert getattr(Settings.read(environment, home=home, **{name: None}), name) == variable
    assert getattr(Settings.read({}, home=home), name) == line
    assert getattr(Settings.read({}, home=home.parent), name) == default


def test_the_home_of_an_option_or_the_environment(home, monkeypatch):
    assert Settings.read({"SPK_HOME": str(home)}).home == home
    assert Settings.read({"SPK_HOME": "/elsewhere"}, home=home).home == home
    monkeypatch.setenv("HOME", str(home))
    assert Settings.read({"SPK_HOME": "~/voices"}).home == home / "voices"


def test_the_environment_is_read_by_default(home, monkeypatch):
    monkeypatch.setenv("SPK_HOME", str(home))
    monkeypatch.setenv("SPK_GALLERY", "team")
    assert Settings.read().gallery == "team"


def test_an_empty_variable_is_none(home):
    assert Settings.read({"SPK_MODEL": "", "SPK_THREADS": ""}, home=home).model is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "vggish"}, rf"model cannot be 'vggish': .*there are: {', '.join(MODELS)}"),
        ({"model": "resnet34+ecapa"}, r"did you mean ecapa\+resnet34"),
        ({"fpir": 0.0}, "a false-positive identification rate lies between 0 and 1, not at 0: try 0.01"),
        ({"fpir": 2}, "not at 2: try 0.01"),
        ({"fpir": "nan"}, "not at nan"),
        ({"fpir": "few"}, "fpir is a number, not 'few'"),
        ({"prior_unknown": 1}, "the probability of a stranger lies between 0 and 1, not at 1"),
        ({"cost": "miss=1"}, "does not say false: write it like miss=1,false=10,prior=0.3"),
        ({"cost": "miss=1,false=10,prior=0.3", "fpir": 0.1}, "cost and fpir cannot be set together"),
        ({"cost": "miss=1,false=10,prior=0.3", "prior_unknown": 0.1}, "cost and prior_unknown cannot be set together"),
        ({"precision": "int8"}, "precision cannot be 'int8'; there are: full, fast"),
        ({"device": "tpu"}, "device cannot be 'tpu'; there are: cpu, cuda"),
        ({"threads": "many"}, "threads is a number, not 'many'"),
        ({"threads": -1}, "there cannot be -1 threads: set 0 for one a core"),
        ({"threads": "99999999"}, "there cannot be 99999999 threads"),
        ({"home": "~nobody-of-this-name/spk"}, "there is no such user"),
    ],
)
def test_impossible_values(home, options, said):
    with pytest.raises(InputError, match=said) as caught:
        Settings.read({}, **{"home": home, **options})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model = ", r"spk\.toml: is no TOML \("),
        ("modell = 'ecapa'", r"spk\.toml: no setting is called 'modell'; there are: gallery, model"),
        ("home = '/elsewhere'", r"spk\.toml: no setting is called 'home'"),
        ("[store]\nhome = 1", r"spk\.toml: no setting is called 'store'"),
        ("gallery = 7", "gallery is a name, not 7"),
        ("model = ['ecapa']", r"model cannot be \['ecapa'\]"),
        ("threads = 2.5", "threads is a number, not 2.5"),
        ("threads = inf", "threads is a number, not inf"),
        ("threads = true", "threads is a number, not True"),
        ("threads = [2]", r"threads is a number, not \[2\]"),
        ("fpir = true", "fpir is a number, not True"),
        ("cost = 7", "'7' is no part of a cost"),
    ],
)
def test_a_wrong_file(home, write, text, said):
    write(text)
    with pytest.raises(InputError, match=said):
        Settings.read({}, home=home)


def test_the_nearer_of_what_excludes_each_other(home, write):
    cost = "miss=1,false=10,prior=0.3"
    write(f"cost = '{cost}'")
    rate = Settings.read({}, home=home, fpir=0.02)
    assert (rate.fpir, rate.cost) == (0.02, None)
    likely = Settings.read({"SPK_PRIOR_UNKNOWN": "0.2"}, home=home)  # of the cost, only what is beforehand
    assert (likely.prior_unknown, likely.cost) == (0.2, cost)
    priced = Settings.read({"SPK_FPIR": "0.1", "SPK_PRIOR_UNKNOWN": "0.2"}, home=home, cost=cost)
    assert (priced.fpir, priced.prior_unknown, priced.cost) == (None, None, cost)


def test_a_file_that_cannot_be_read(home, write):
    (home / "spk.toml").write_bytes("gallery = 'Zoë'".encode("latin-1"))
    with pytest.raises(InputError, match=r"spk\.toml: cannot be read \(it is not UTF-8 text\): mend or remove it"):
        Settings.read({}, home=home)
    (home / "spk.toml").unlink()
    (home / "spk.toml").mkdir()
    with pytest.raises(InputError, match=r"spk\.toml: cannot be read \(Is a directory\)"):
        Settings.read({}, home=home)


def test_a_home_that_is_a_file_has_no_settings(tmp_path):
    (tmp_path / "file").write_text("x")
    assert Settings.read({}, home=tmp_path / "file").gallery == "default"


def test_only_the_default_gallery_is_made_unasked(home):
    with Workbench(Settings(home)) as bench:
        assert bench.gallery.name == "default"
    with Workbench(Settings(home, gallery="team")) as bench:
        with pytest.raises(NotFoundError, match='no gallery "team"'):
            _ = bench.gallery
        bench.make_gallery()
        assert bench.gallery.name == "team"


def test_an_unused_workbench_touches_nothing(home):
    with Workbench(Settings(home)):
        pass
    assert not home.exists()


def test_the_model_is_the_calibrations(home, embedder):
    shipped = default_calibration(embedder.model)
    other = replace(shipped, model="resnet34", data="of another model")
    with Workbench(Settings(home)) as bench:
        assert bench.model_name == "ecapa"
        for one in (shipped, other):
            text = json.dumps(one.to_json())
            record = CalibrationRecord(one.id, one.fingerprint, one.model, one.recipe.name, text)
            bench.store.keep_calibration(bench.gallery, record)
        bench.store.use_calibration(bench.gallery, shipped.id)
        assert bench.calibration.id == shipped.id
        bench.store.use_calibration(bench.gallery, other.id)
    with Workbench(Settings(home)) as bench:
        assert bench.model_name == "resnet34"
    with Workbench(Settings(home, model="ecapa")) as bench:
        assert bench.calibration.data == shipped.data  # the one in use is another model's


def test_operating_points_of_a_workbench(home, embedder):
    def points(**settings):
        with Workbench(Settings.read({}, home=home, **settings)) as bench:
            vars(bench)["embedder"] = embedder
            return bench.identifier().point, bench.verifier().point

    assert points() == (OperatingPoint(), VERIFICATION)
    rate = points(fpir=0.02)
    assert [point.fpir for point in rate] == [0.02, 0.02]
    assert [point.no for point in rate] == [OperatingPoint().no, VERIFICATION.no]
    cost = points(cost="miss=1,false=10,prior=0.25")
    assert cost == (OperatingPoint(0.95, 0.5, None, 0.75),) * 2
    strangers = points(prior_unknown=0.2)
    assert strangers == (OperatingPoint(prior_unknown=0.2), VERIFICATION)


def test_threads_of_a_workbench(home):
    assert Workbench(Settings(home)).threads is None
    assert Workbench(Settings(home, threads=2)).threads == 2


def test_a_workbench_puts_the_parts_together(home, embedder):
    """With the default model; ``embedder`` skips this where its weights cannot be had."""
    said = []
    with Workbench(Settings(home, threads=2), progress=lambda *report: said.append(report[2])) as bench:
        verifier, identifier, enroller = bench.verifier(), bench.identifier(), bench.enroller()
        assert bench.embedder.model == embedder.model
        assert verifier.scorer.gallery == identifier.scorer.gallery == enroller.scorer.gallery == bench.gallery
        assert identifier.embedder is verifier.embedder is enroller.embedder is bench.embedder
        assert "diarizer" not in vars(bench)  # loaded once a recording needs it
        assert set(said) == {"preparing ecapa", "preparing silero-vad"}


def test_the_services_settings_stand_in_a_table_of_their_own(home, write):
    write('gallery = "team"\n[service]\nport = 1\nwebhook_hosts = ["hooks.lan"]\n')
    assert Settings.read({}, home=home).gallery == "team"
    assert ServiceSettings.read(home, {}).port == 1
    assert ServiceSettings.read(home, {}).webhook_hosts == ("hooks.lan",)
    environment = {"SPK_SERVICE_PORT": "2", "SPK_SERVICE_WEBHOOK_HOSTS": "a.lan, b.lan"}
    assert ServiceSettings.read(home, environment).port == 2
    assert ServiceSettings.read(home, environment).webhook_hosts == ("a.lan", "b.lan")
    assert ServiceSettings.read(home, environment, port=3, host=None).port == 3
    assert ServiceSettings.read(home.parent, {}) == ServiceSettings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("service = 1", "service is a table"),
        ("[service]\nport = 'x'", "the service's setting port"),
        ("[service]\nworkers = -1", "the service's setting workers"),
        ("[service]\nthreads = 1", "the service's setting threads"),
        ("[service]\nproxies = ['*']", "the service's setting proxies"),
        ("[service]\ncertificate = 'a.pem'", "certificate and private_key belong together"),
    ],
)
def test_impossible_settings_of_the_service(home, write, text, said):
    write(text)
    with pytest.raises(InputError, match=said):
        ServiceSettings.read(home, {})
