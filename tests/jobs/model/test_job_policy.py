"""What a user can do with a job, by ownership, role and job type."""

from dataclasses import replace
from uuid import uuid4

from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.model.job_policy import JobAction, JobPolicy, Objection

ANA = JobPolicy(user_id=uuid4())
OPERATOR = JobPolicy(
    user_id=uuid4(),
    sees_all=True,
    acts_on_all=True,
    closed_types=frozenset({"closed"}),
    private_types=frozenset({"export"}),
    unlisted_types=frozenset({"unlisted"}),
    password_types=frozenset({"guarded"}),
    acting_types=frozenset({"acting"}),
)

OF_JOBS = [action for action in JobAction if action is not JobAction.ANSWER]  # whom a job asks can answer
ACTIONS = [action for action in OF_JOBS if action is not JobAction.APPROVE]  # which has permissions of its own


def job(type_name: str = "open", owner: Owner | None = None) -> Job:
    owner = owner or Owner(user_id=ANA.user_id)
    return Job(id=uuid4(), type=type_name, title="Report", status=Status.FAILED, owner=owner)


def test_users_do_everything_with_their_own_jobs_and_nothing_with_others() -> None:
    assert {ANA.refusal(action, job()) for action in ACTIONS} == {None}
    public = job(owner=Owner(public=True))
    assert {ANA.refusal(action, public) for action in OF_JOBS} == {Objection.NOT_YOURS}


def test_jobs_of_a_closed_type_are_closed_to_every_action() -> None:
    assert {OPERATOR.refusal(action, job("closed")) for action in OF_JOBS} == {Objection.CLOSED}


def test_what_shows_an_owners_view_is_open_to_the_owner_and_to_users_who_can_start_every_type() -> None:
    assert {OPERATOR.refusal(action, job("export")) for action in OF_JOBS} == {Objection.NOT_YOURS}
    assert OPERATOR.refusal(JobAction.OPEN, job("export", Owner(user_id=OPERATOR.user_id))) is None
    assert OPERATOR.refusal(JobAction.OPEN, job("export", Owner())) is Objection.NOT_YOURS, "the system sees all"
    admin = replace(OPERATOR, closed_types=frozenset())
    refusals = {action: admin.refusal(action, job("export")) for action in ACTIONS}
    assert refusals.pop(JobAction.SHARE) is Objection.PRIVATE_OUTPUT
    assert set(refusals.values()) == {None}
    assert (OPERATOR.unopened_types, admin.unopened_types) == ({"closed", "export"}, set())


def test_the_own_job_of_a_closed_type_can_be_read_and_deleted_but_not_started() -> None:
    own = job("closed", Owner(user_id=OPERATOR.user_id))
    refused = {action for action in ACTIONS if OPERATOR.refusal(action, own)}
    assert refused == {JobAction.RETRY, JobAction.DRY_RUN, JobAction.RUN_AGAIN}


def test_an_unlisted_type_is_not_run_again() -> None:
    assert OPERATOR.refusal(JobAction.RUN_AGAIN, job("unlisted")) is Objection.NOT_MANUAL
    assert OPERATOR.may_act(job("unlisted"))


def test_what_acts_with_the_permissions_of_its_owner_is_run_by_the_owner_or_by_users_who_can_start_every_type() -> None:
    refusals = {action: OPERATOR.refusal(action, job("acting")) for action in ACTIONS}
    refused = {action: objection for action, objection in refusals.items() if objection}
    assert refused == dict.fromkeys([JobAction.RETRY, JobAction.DRY_RUN], Objection.OWNER_RIGHTS)
    own = job("acting", Owner(user_id=OPERATOR.user_id))
    admin = replace(OPERATOR, closed_types=frozenset())
    assert {OPERATOR.refusal(action, own) for action in ACTIONS} == {None}
    assert {admin.refusal(action, job("acting")) for action in ACTIONS} == {None}
    assert OPERATOR.refusal_to_run("acting", Owner()) is Objection.OWNER_RIGHTS, "the system has every permission"


def test_what_asks_for_a_password_is_retried_by_its_owner_alone() -> None:
    admin = replace(OPERATOR, closed_types=frozenset())
    assert admin.refusal(JobAction.RETRY, job("guarded")) is Objection.PASSWORD
    assert admin.refusal(JobAction.DELETE, job("guarded")) is None
    assert OPERATOR.refusal(JobAction.RETRY, job("guarded", Owner(user_id=OPERATOR.user_id))) is None


def waiting(**values: object) -> Job:
    return replace(job("pay"), status=Status.HELD, approval="pending", **values)


def test_approvers_open_run_dry_and_approve_what_others_started() -> None:
    group = JobPolicy(user_id=uuid4(), approvable_types=frozenset({"pay"}), closed_types=frozenset({"pay"}))
    allowed = {action for action in JobAction if group.refusal(action, waiting()) is None}
    assert allowed == {JobAction.OPEN, JobAction.APPROVE, JobAction.DRY_RUN}
    assert not group.may_open(replace(waiting(), approval=None)), "this one needs none"
    assert not group.may_open(replace(waiting(), status=Status.COMPLETED, approval="approved")), "they cannot start it"
    assert replace(group, closed_types=frozenset()).may_open(replace(waiting(), status=Status.FAILED))


def test_nobody_approves_what_they_started_own_or_edited_unless_the_type_says_so() -> None:
    boss = replace(OPERATOR, approvable_types=frozenset({"pay"}))
    own = Owner(user_id=boss.user_id)
    for concerned in (waiting(owner=own), waiting(triggered_by=boss.user_id), waiting(edited_by=boss.user_id)):
        assert boss.refusal(JobAction.APPROVE, concerned) is Objection.APPROVED_BY_OTHERS
        also = replace(boss, self_approvable_types=frozenset({"pay"}))
        assert also.refusal(JobAction.APPROVE, concerned) is None
    assert ANA.refusal(JobAction.APPROVE, waiting()) is Objection.NOT_AN_APPROVER


def asking(asked_of: str, **values: object) -> Job:
    return replace(job(), status=Status.HELD, asked_of=asked_of, **values)


def test_whom_a_job_asks_can_answer_and_operators_for_one_user() -> None:
    me = JobPolicy(user_id=uuid4(), answers_as=frozenset({"role:user", "group:Finance"}))
    assert me.refusal(JobAction.ANSWER, asking("group:Finance")) is None, "also without seeing the job"
    assert me.refusal(JobAction.ANSWER, asking("role:operator")) is Objection.NOT_ASKED
    assert me.refusal(JobAction.ANSWER, asking(f"user:{uuid4()}")) is Objection.NOT_ASKED
    assert OPERATOR.refusal(JobAction.ANSWER, asking(f"user:{uuid4()}")) is None
    assert OPERATOR.refusal(JobAction.ANSWER, asking(f"user:{uuid4()}", type="acting")) is Objection.OWNER_RIGHTS
    assert OPERATOR.refusal(JobAction.ANSWER, asking(f"user:{uuid4()}", type="export")) is Objection.NOT_ASKED, (
        "private"
    )
    assert OPERATOR.refusal(JobAction.ANSWER, asking("group:Finance")) is Objection.NOT_ASKED
    assert replace(OPERATOR, answers_all=True).refusal(JobAction.ANSWER, asking("group:Finance")) is None


def test_nobody_answers_a_job_of_another_tenant() -> None:
    north = asking("role:user", owner=Owner(user_id=uuid4(), tenant="north"))
    south = JobPolicy(user_id=uuid4(), tenant="south", answers_as=frozenset({"role:user"}), answers_all=True)
    assert south.refusal(JobAction.ANSWER, north) is Objection.NOT_ASKED
    assert replace(south, tenant="north").refusal(JobAction.ANSWER, north) is None
    assert replace(south, tenant=None, sees_all=True).refusal(JobAction.ANSWER, north) is None


def test_members_of_a_group_read_what_is_shared_with_it_and_change_nothing() -> None:
    member = JobPolicy(
        user_id=uuid4(), groups=frozenset({"Finance"}), closed_types=frozenset({"closed"}), tenant="north"
    )
    for type_name in ("open", "closed"):
        shared = replace(job(type_name, Owner(user_id=ANA.user_id, tenant="north")), shared_with="Finance")
        allowed = {action for action in JobAction if member.refusal(action, shared) is None}
        assert allowed == {JobAction.OPEN}
        assert member.sees(shared.owner.user_id, "north", shared_with="Finance")
        for without in (frozenset[str](), frozenset({"Sales"})):
            former = replace(member, groups=without)
            assert former.refusal(JobAction.OPEN, shared) is Objection.NOT_YOURS
            assert not former.sees(shared.owner.user_id, "north", shared_with="Finance")
        for tenant in (None, "south"):
            elsewhere = replace(member, tenant=tenant)
            assert not elsewhere.sees(shared.owner.user_id, "north", shared_with="Finance")
            assert elsewhere.refusal(JobAction.OPEN, shared) is Objection.NOT_YOURS


def test_an_auditor_in_the_group_opens_a_shared_job_of_a_closed_type() -> None:
    auditor = replace(OPERATOR, acts_on_all=False, groups=frozenset({"Finance"}))
    assert auditor.refusal(JobAction.OPEN, job("closed")) is Objection.CLOSED
    assert auditor.refusal(JobAction.OPEN, replace(job("closed"), shared_with="Finance")) is None


def test_what_shows_an_owners_view_is_not_shared() -> None:
    export = replace(job("export"), shared_with="Finance")
    member = JobPolicy(user_id=uuid4(), groups=frozenset({"Finance"}), private_types=frozenset({"export"}))
    assert not member.may_open(export), "it was shared before its type was private"
    owner = replace(member, user_id=ANA.user_id)
    assert owner.refusal(JobAction.SHARE, export) is Objection.PRIVATE_OUTPUT
    assert owner.refusal(JobAction.UNSHARE, export) is None
    assert owner.refusal_to_share("export", "Finance") is Objection.PRIVATE_OUTPUT


def test_jobs_are_shared_with_ones_own_groups_and_by_admins_with_each() -> None:
    member = JobPolicy(user_id=ANA.user_id, groups=frozenset({"Finance"}))
    assert member.refusal(JobAction.SHARE, job()) is None
    assert member.refusal_to_share("open", "Finance") is None
    assert member.refusal_to_share("open", "Sales") is Objection.NOT_IN_GROUP
    assert replace(member, shares_with_all=True).refusal_to_share("open", "Sales") is None
    assert OPERATOR.refusal(JobAction.SHARE, job()) is None
