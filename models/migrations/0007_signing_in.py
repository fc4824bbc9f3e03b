from tortoise import migrations
from tortoise.migrations import operations as ops
from models.accounts.mails import MailKind
from models.accounts.verifications import Purpose
from models.fields import ChoiceColumn, DigestColumn, IntegerColumn, KeyColumn, SecretColumn, TextColumn, TimeColumn

class Migration(migrations.Migration):
    dependencies = [('models', '0006_slow_operation_indexes')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Account',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose account it is.')),
                ('user_id', KeyColumn(description='Id of the user.')),
                ('provider_id', KeyColumn(description='The provider: `credential` for a password, `google`, `github`.')),
                ('account_id', KeyColumn(description='Who the user is there.')),
                ('access_token', SecretColumn(null=True, description="The provider's access token.", limit=20000, blank=False)),
                ('refresh_token', SecretColumn(null=True, description="The provider's refresh token.", limit=20000, blank=False)),
                ('id_token', SecretColumn(null=True, description="The provider's identity token.", limit=20000, blank=False)),
                ('password_hash', DigestColumn(null=True, description="The password's hash (Argon2id).", limit=500, blank=False)),
                ('scope', TextColumn(null=True, description='What the provider allows, in its words.', limit=5000, blank=True)),
            ],
            options={'table': 'account', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A way in which a user signs in: a password, or an account at a provider.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='Mail',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('kind', ChoiceColumn(description='What it tells.', choices=MailKind)),
                ('recipient', TextColumn(description='The address it goes to.', limit=320, blank=False)),
                ('ticket', KeyColumn(null=True, description='What the value of its link is made from.')),
                ('about', TextColumn(null=True, description='What it names.', limit=200, blank=False)),
                ('tries', IntegerColumn(default=0, description='How often sending it was tried.', least=0, most=2147483647)),
                ('due_at', TimeColumn(description='When it is tried next.')),
            ],
            options={'table': 'mail', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A mail that waits to be sent.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='Session',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose session it is.')),
                ('user_id', KeyColumn(description='Id of the user.')),
                ('token_hash', DigestColumn(null=True, description='SHA-256 of the token.', limit=64, blank=False)),
                ('previous_hash', DigestColumn(null=True, description='SHA-256 of the token before, until that ends.', limit=64, blank=False)),
                ('rotated_at', TimeColumn(description='When the token was made.')),
                ('expires_at', TimeColumn(description='When it ends unless its token is renewed.')),
                ('ip_address', KeyColumn(null=True, description='The address it was last used from.')),
                ('user_agent', TextColumn(null=True, description='What the browser or program calls itself.', limit=500, blank=False)),
                ('last_active', TimeColumn(description='When it was last used, to the minute.')),
            ],
            options={'table': 'session', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A device on which a user is signed in.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='Verification',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('identifier', TextColumn(description='The e-mail address to prove.', limit=320, blank=False)),
                ('purpose', ChoiceColumn(description='What for.', choices=Purpose)),
                ('value_hash', DigestColumn(null=True, description='SHA-256 of the value.', limit=64, blank=False)),
                ('expires_at', TimeColumn(description='When it ends.')),
                ('user_id', KeyColumn(null=True, description='Id of the user who asked for it.')),
                ('name', TextColumn(null=True, description='What to call the user who signs up.', limit=200, blank=False)),
                ('password_hash', DigestColumn(null=True, description='The hash of the password of who signs up.', limit=500, blank=False)),
            ],
            options={'table': 'verification', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A value that was sent to an address and proves, once, that it was read there.'},
            bases=['Record'],
        ),
        ops.AddField(
            model_name='User',
            name='identity_at',
            field=TimeColumn(null=True, description='When the identity provider last changed what it tells.'),
        ),
        ops.RunSQL(
            [
                "COMMENT ON COLUMN public.user_account.identity_at IS 'When the identity provider last changed what it tells.'",
                'CREATE UNIQUE INDEX account_provider_id_account_id_key ON public.account USING btree (provider_id, account_id)',
                'CREATE INDEX account_user_id_created_at_id_idx ON public.account USING btree (user_id, created_at, id)',
                'CREATE INDEX mail_due_at_idx ON public.mail USING btree (due_at)',
                'CREATE INDEX mail_ticket_idx ON public.mail USING btree (ticket)',
                'CREATE UNIQUE INDEX session_token_hash_key ON public.session USING btree (token_hash)',
                'CREATE INDEX session_previous_hash_idx ON public.session USING btree (previous_hash)',
                'CREATE INDEX session_user_id_created_at_id_idx ON public.session USING btree (user_id, created_at, id)',
                'CREATE INDEX session_expires_at_idx ON public.session USING btree (expires_at)',
                'CREATE UNIQUE INDEX verification_value_hash_key ON public.verification USING btree (value_hash)',
                'CREATE INDEX verification_user_id_idx ON public.verification USING btree (user_id)',
                'CREATE INDEX verification_expires_at_idx ON public.verification USING btree (expires_at)',
                'CREATE INDEX verification_created_at_id_idx ON public.verification USING btree (created_at, id)',
                "ALTER TABLE public.mail ADD CONSTRAINT mail_kind_check CHECK (kind = ANY (ARRAY['confirm_sign_up'::text, 'already_signed_up'::text, 'confirm_address'::text, 'address_taken'::text, 'address_changed'::text, 'reset_password'::text, 'no_account'::text, 'account_deleted'::text, 'account_linked'::text, 'password_changed'::text, 'invitation'::text]))",
                "ALTER TABLE public.verification ADD CONSTRAINT verification_purpose_check CHECK (purpose = ANY (ARRAY['sign_up'::text, 'change_email'::text, 'reset_password'::text]))",
            ]
        ),
    ]
