from tortoise import migrations
from tortoise.migrations import operations as ops
from decimal import Decimal
from models.billing.credit_ledger import CreditEvent
from models.billing.credit_reservations import ReservationState
from models.fields import BooleanColumn, ChoiceColumn, DecimalColumn, IntegerColumn, KeyColumn, TextColumn, TimeColumn

# Tortoise gives no comment to a column that it adds.
COMMENTS = [
    "COMMENT ON COLUMN public.generation.own_key IS 'Whether only a key of theirs is used for it, which costs no credits.'",
    "COMMENT ON COLUMN public.usage.granted IS 'Credits in all until then.'",
    "COMMENT ON COLUMN public.usage.reserved IS 'Credits that are held for answers being written.'",
    "COMMENT ON COLUMN public.usage.spent IS 'Credits that answers have cost.'",
    "COMMENT ON COLUMN public.usage.window_number IS 'How often they were renewed.'",
]
OWN_KEYS = "UPDATE generation SET own_key = false"
USAGE = "UPDATE usage SET granted = points, reserved = 0, spent = 0, window_number = 0"


class Migration(migrations.Migration):
    dependencies = [("models", "0025_deletions_indexes")]

    initial = False

    operations = [
        ops.CreateModel(
            name='CreditBudget',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose spending it bounds.')),
                ('soft_limit', DecimalColumn(null=True, description='Credits from which it warns, once a month.')),
                ('hard_limit', DecimalColumn(null=True, description='Credits above which nothing is sent any more.')),
                ('month', TimeColumn(description='When the month began that was counted last.')),
                ('used', DecimalColumn(default=Decimal('0'), description='Credits reserved and spent in that month.')),
                ('alerted_at', TimeColumn(null=True, description='When it warned in that month.')),
            ],
            options={'table': 'credit_budget', 'app': 'models', 'pk_attr': 'id', 'table_description': 'What an owner wants to spend in a month.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='CreditEntry',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Id of the user whose credits moved.')),
                ('org_id', KeyColumn(null=True, description='Id of the organisation in which they were used; null outside of any.')),
                ('event', ChoiceColumn(description='Why they moved.', choices=CreditEvent)),
                ('event_key', KeyColumn(description='Names what happened, so that nothing is counted twice.')),
                ('window_number', IntegerColumn(description='The window in which they were granted.', least=0, most=2147483647)),
                ('granted', DecimalColumn(default=Decimal('0'), description='Credits granted.')),
                ('points', DecimalColumn(default=Decimal('0'), description='Credits available.')),
                ('reserved', DecimalColumn(default=Decimal('0'), description='Credits reserved.')),
                ('spent', DecimalColumn(default=Decimal('0'), description='Credits spent.')),
                ('model', TextColumn(null=True, description='Id of the model they are for.', limit=200, blank=False)),
                ('subject_id', KeyColumn(null=True, description='Id of the message or run they are for.')),
            ],
            options={'table': 'credit_ledger', 'app': 'models', 'pk_attr': 'id', 'table_description': "One movement of a user's credits; its numbers say how much more there is of each kind."},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='CreditReservation',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Id of the user who pays.')),
                ('org_id', KeyColumn(null=True, description="Id of the organisation whose conversation it is; null for a user's own.")),
                ('subject_id', KeyColumn(description='Id of the message that answers, or of a run without one.')),
                ('model', TextColumn(description='Id of the model that answers.', limit=200, blank=False)),
                ('cost', DecimalColumn(description='What the answer costs.')),
                ('state', ChoiceColumn(default=ReservationState.OPEN, description='What became of it.', choices=ReservationState)),
                ('window_number', IntegerColumn(description='The window of credits that it is taken from.', least=0, most=2147483647)),
            ],
            options={'table': 'credit_reservation', 'app': 'models', 'pk_attr': 'id', 'table_description': 'The credits held for one answer, paid by who asked for it.'},
            bases=['Record'],
        ),
        ops.AddField(
            model_name='Generation',
            name='own_key',
            field=BooleanColumn(null=True, description='Whether only a key of theirs is used for it, which costs no credits.'),
        ),
        ops.AddField(
            model_name='Usage',
            name='granted',
            field=DecimalColumn(null=True, description='Credits in all until then.'),
        ),
        ops.AddField(
            model_name='Usage',
            name='reserved',
            field=DecimalColumn(null=True, description='Credits that are held for answers being written.'),
        ),
        ops.AddField(
            model_name='Usage',
            name='spent',
            field=DecimalColumn(null=True, description='Credits that answers have cost.'),
        ),
        ops.AddField(
            model_name='Usage',
            name='window_number',
            field=IntegerColumn(null=True, description='How often they were renewed.', least=0, most=2147483647),
        ),
        ops.RunSQL([*COMMENTS, OWN_KEYS, USAGE]),
        ops.AlterField(
            model_name='Generation',
            name='own_key',
            field=BooleanColumn(default=False, description='Whether only a key of theirs is used for it, which costs no credits.'),
        ),
        ops.AlterField(
            model_name='Usage',
            name='granted',
            field=DecimalColumn(default=Decimal('0'), description='Credits in all until then.'),
        ),
        ops.AlterField(
            model_name='Usage',
            name='reserved',
            field=DecimalColumn(default=Decimal('0'), description='Credits that are held for answers being written.'),
        ),
        ops.AlterField(
            model_name='Usage',
            name='spent',
            field=DecimalColumn(default=Decimal('0'), description='Credits that answers have cost.'),
        ),
        ops.AlterField(
            model_name='Usage',
            name='window_number',
            field=IntegerColumn(default=0, description='How often they were renewed.', least=0, most=2147483647),
        ),
    ]
