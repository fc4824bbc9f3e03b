from tortoise import migrations
from tortoise.migrations import operations as ops
from models.accounts.audit_logs import AuditAction
from models.accounts.org_members import MemberStatus
from models.fields import ChoiceColumn, DigestColumn, JsonColumn, KeyColumn, TextColumn, TimeColumn
from models.permissions import Role
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0007_signing_in')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ApiToken',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose token it is.')),
                ('user_id', KeyColumn(description='Id of the user it stands for.')),
                ('name', TextColumn(description='What it is for.', limit=100, blank=False)),
                ('start', KeyColumn(description='Its first characters, by which it is known again.')),
                ('token_hash', DigestColumn(null=True, description='SHA-256 of the token.', limit=64, blank=False)),
                ('scopes', JsonColumn(description='What it is good for.')),
                ('expires_at', TimeColumn(description='When it ends.')),
                ('last_used_at', TimeColumn(null=True, description='When it was last used, to a minute.')),
            ],
            options={'table': 'api_token', 'app': 'models', 'pk_attr': 'id', 'table_description': 'What a program signs in with instead of its user.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='AuditLog',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose rights it concerns.')),
                ('org_id', KeyColumn(null=True, description="Id of the organisation; null for a user's own.")),
                ('user_id', KeyColumn(null=True, description='Id of the user who did it; null for the system.')),
                ('action', ChoiceColumn(description='What was done.', choices=AuditAction)),
                ('resource', KeyColumn(description='Id of the row it was done to.')),
                ('metadata', JsonColumn(null=True, description='What else there is to know.')),
                ('request_id', KeyColumn(null=True, description='The request it was done in.')),
                ('at', TimeColumn(description='When it was done.')),
            ],
            options={'table': 'audit_log', 'app': 'models', 'pk_attr': 'id', 'table_description': 'One act that concerns rights; kept for good, also when what it names is gone.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='Org',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('name', TextColumn(description='Its name.', limit=200, blank=False)),
                ('slug', KeyColumn(description='Its name in addresses: letters, digits and hyphens, its own.')),
                ('owner_user_id', KeyColumn(description='Id of the owner who answers for it.')),
                ('plan', KeyColumn(description='The plan it is on.')),
                ('limits', JsonColumn(default={}, description='What the plan allows, as numbers by name.')),
                ('deleted_at', TimeColumn(null=True, description='When it was deleted.')),
            ],
            options={'table': 'org', 'app': 'models', 'pk_attr': 'id', 'table_description': 'An organisation, whose members share its projects and conversations.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='OrgMember',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose member it is.')),
                ('org', fields.ForeignKeyField('models.Org', source_field='org_id', description='Id of the organisation.', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.NO_ACTION)),
                ('user_id', KeyColumn(null=True, description='Id of the user; null until they accept.')),
                ('email', TextColumn(null=True, description='The address that was invited; null once they are in.', limit=320, blank=False)),
                ('role', ChoiceColumn(description='What they may do.', choices=Role)),
                ('invited_by', KeyColumn(null=True, description='Id of the user who invited them.')),
                ('invited_at', TimeColumn(null=True, description='When they were invited last.')),
                ('status', ChoiceColumn(description='Whether they are in already.', choices=MemberStatus)),
                ('expires_at', TimeColumn(null=True, description='When the invitation ends.')),
                ('ticket', KeyColumn(null=True, description="What the invitation's token is made from.")),
                ('token_hash', DigestColumn(null=True, description='SHA-256 of that token.', limit=64, blank=False)),
            ],
            options={'table': 'org_member', 'app': 'models', 'pk_attr': 'id', 'table_description': "A user's role in an organisation, or the invitation to one."},
            bases=['Record'],
        ),
    ]
