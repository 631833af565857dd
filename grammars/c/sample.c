#include <stdio.h>
#include <stdlib.h>

/* A node of a list. */
struct node {
    const char *name;
    struct node *next;
};

static struct node *push(struct node *head, const char *name)
{
    struct node *node = malloc(sizeof(*node));
    if (node == NULL) {
        fprintf(stderr, "no memory for \"%s\"\n", name);
        return head;
    }
    node->name = name;
    node->next = head;
    return node;
}

static int count(const struct node *head, char first)
{
    int found = 0;
    for (; head != NULL; head = head->next) {
        if (head->name[0] == first || first == '(') {
            found++;
        }
    }
    return found;
}

int main(void)
{
    struct node *head = push(push(NULL, "bolt"), "nut");
    printf("%d\n", count(head, 'b'));
    return 0;
}
