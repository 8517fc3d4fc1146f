"""The form visitors fill in."""

from django import forms

from entries.models import Entry


class EntryForm(forms.ModelForm):
    """A new entry."""

    class Meta:
        model = Entry
        fields = ["name", "message", "attachment"]
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name", "placeholder": "Ada"}),
            "message": forms.Textarea(attrs={"rows": 4, "placeholder": "What would you like to say?"}),
            "attachment": forms.FileInput(),
        }
